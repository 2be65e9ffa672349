/**
 * The client as the package that `deno task build:client` makes of it: small, without imports, with the
 * types of what it exports, and at work in Node, which resolves it by its name.
 *
 * @module
 */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { buildClient, PACKAGE_NAME } from "../../tools/build_client.ts";
import { variable } from "../permissions.ts";
import { specifiers } from "../tidy/mask.ts";
import { end, Output } from "./support/child.ts";
import { GatewayProcess, ROOT } from "./support/process.ts";
import { FORBIDDEN, processTest, skip } from "./support/suite.ts";

const MAX_GZIPPED_BYTES = 8192;
/** Node shows the whole line of an error that nobody catches. */
const MAX_LINE = 300;

/** What an app does with it. */
const APP = `
import { GatewayClient } from ${JSON.stringify(PACKAGE_NAME)};
const [url, token] = process.argv.slice(2);
const gateway = new GatewayClient({ url, getToken: () => token });
gateway.on("ready", ({ user }) => console.log("ready as " + user));
for await (const message of gateway) {
  console.log("received " + JSON.stringify(message.content));
  break;
}
await gateway.close();
console.log("closed");
`;

/** What Node has to be told so that it has a global WebSocket; nothing if there is no Node. */
const NODE_FLAGS = FORBIDDEN === undefined ? await nodeFlags() : undefined;

async function nodeFlags(): Promise<readonly string[] | undefined> {
  try {
    const { stdout } = await new Deno.Command("node", { args: ["--version"] }).output();
    const major = Number(/^v(\d+)/.exec(new TextDecoder().decode(stdout))?.[1]);
    return major < 22 ? ["--experimental-websocket"] : [];
  } catch {
    return undefined;
  }
}

/** A folder with the package where Node finds it; built once, for building it takes a while. */
let built: Promise<string> | undefined;

async function build(): Promise<string> {
  const folder = await Deno.makeTempDir();
  await buildClient(`${folder}/node_modules/${PACKAGE_NAME}`);
  return folder;
}

Deno.test.afterAll(async () => {
  if (built !== undefined) await Deno.remove(await built, { recursive: true });
});

/** The names that `client/mod.ts` exports. */
function exportedNames(): readonly string[] {
  const text = Deno.readTextFileSync(`${ROOT}/client/mod.ts`);
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)]
    .flatMap(([, names = ""]) => names.split(",").map((name) => name.trim()))
    .filter((name) => name !== "").sort();
}

async function checkModule(folder: string): Promise<void> {
  const path = `${folder}/emagine-client.js`;
  const text = await Deno.readTextFile(path);
  const { byteLength } = gzipSync(text, { level: 9 });
  console.log(`the client is ${text.length} bytes, ${byteLength} gzipped`);
  assert.ok(byteLength < MAX_GZIPPED_BYTES, `${byteLength} bytes gzipped`);
  assert.deepEqual(specifiers(text), [], "it imports nothing");
  const longest = Math.max(...text.split("\n").map(({ length }) => length));
  assert.ok(longest <= MAX_LINE, `a line of ${longest} characters`);
  assert.match(text, /throw new TypeError\(`url: expected ws: or wss:, /);
  const module: object = await import(pathToFileURL(path).href);
  assert.deepEqual(Object.keys(module).sort(), ["GatewayClient", "GatewayError"]);
}

async function checkTypes(folder: string): Promise<void> {
  const text = await Deno.readTextFile(`${folder}/emagine-client.d.ts`);
  const declared = text.matchAll(/^export (?:declare )?(?:class|function|interface|type) (\w+)/gm);
  assert.deepEqual([...declared].map(([, name]) => name).sort(), exportedNames());
  assert.deepEqual(specifiers(text), [], "they refer to no other file");
}

async function checkManifest(folder: string): Promise<void> {
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/package.json`));
  const project = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  assert.deepEqual(
    [manifest.version, manifest.license, manifest.type, manifest.dependencies],
    [project.version, project.license, "module", undefined],
  );
  const { types, default: module } = manifest.exports["."];
  for (const path of [types, module, ...manifest.files]) await Deno.stat(`${folder}/${path}`);
}

/** Runs the app in Node until it has received a message, closed, and ended by itself. */
async function runInNode(folder: string, flags: readonly string[]): Promise<void> {
  await Deno.writeTextFile(`${folder}/app.mjs`, APP);
  await using gateway = await GatewayProcess.start();
  const token = await gateway.backend.login("alice");
  const app = new Deno.Command("node", {
    args: [...flags, "app.mjs", gateway.wsUrl, token],
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new Output(app);
  try {
    await output.line("that it is ready", (line) => line === "ready as alice");
    await gateway.backend.publish({ user: "alice", author: "bob", content: { text: "hello" } });
    await output.line("the message", (line) => line === 'received {"text":"hello"}');
    await output.line("the close", (line) => line === "closed");
    assert.equal((await app.status).code, 0);
  } finally {
    await end(app, "SIGKILL");
  }
}

const WITHOUT_NODE = "the client as a package is small, and has its types and no imports";
const IN_NODE = "the client as a package receives a message in Node";

processTest(WITHOUT_NODE, async () => {
  const folder = `${await (built ??= build())}/node_modules/${PACKAGE_NAME}`;
  await checkModule(folder);
  await checkTypes(folder);
  await checkManifest(folder);
});

if (NODE_FLAGS === undefined && variable("CI") !== "true") {
  skip(IN_NODE, "there is no node on this machine");
} else {
  processTest(IN_NODE, async () => await runInNode(await (built ??= build()), NODE_FLAGS ?? []));
}
