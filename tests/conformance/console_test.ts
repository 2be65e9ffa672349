/**
 * The console over a real port: a development start serves the page with its files and strict headers; with a
 * real issuer it is off, and if it is turned on, it has no secrets.
 *
 * @module
 */

import assert from "node:assert/strict";
import { buildConsole } from "../../tools/build_console.ts";
import { bundle, ROOT } from "../../tools/bundler.ts";
import { GatewayProcess, type Settings } from "./support/process.ts";
import { processTest } from "./support/suite.ts";

const PRODUCTION = {
  GATEWAY_JWT_SECRET: "0123456789abcdef0123456789abcdef",
  GATEWAY_PUBLISH_KEY: "0123456789abcdef",
};

const FILES = {
  "/": /^text\/html/,
  "/console.js": /^text\/javascript/,
  "/console.css": /^text\/css/,
  "/console.svg": /^image\/svg\+xml/,
};

processTest(
  "a console that is built is not built again, unless a file is lost or spoiled",
  async () => {
    await buildConsole();
    assert.equal(await buildConsole(), false);
    const script = new URL("dist/console/console.js", ROOT);
    const built = Deno.readTextFileSync(script);
    Deno.removeSync(script);
    assert.equal(await buildConsole(), true, "a file was lost");
    assert.equal(Deno.readTextFileSync(script), built);
    Deno.writeTextFileSync(script, built.slice(0, 1000));
    assert.equal(await buildConsole(), true, "a file was spoiled");
    assert.equal(Deno.readTextFileSync(script), built);
    assert.equal(await buildConsole(), false);
  },
);

processTest("a start that has no console, or does not come up, builds none", async () => {
  await buildConsole();
  const script = new URL("dist/console/console.js", ROOT);
  const start = async (env: Settings): Promise<boolean> => {
    const args = ["task", "--quiet", "start:console"];
    const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env }).output();
    assert.ok(success, "it keeps no gateway from starting");
    return [...Deno.readDirSync(new URL(".", script))].some(({ name }) => name === "console.js");
  };
  Deno.removeSync(script);
  assert.equal(await start(PRODUCTION), false, "a real issuer");
  assert.equal(await start({ GATEWAY_CONSOLE: "off" }), false, "turned off");
  assert.equal(await start({ GATEWAY_PORT: "eighty" }), false, "a wrong configuration");
  assert.equal(await start({}), true);
});

processTest("a bundler that takes too long is ended, with one line that says so", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bundled = bundle({ entry: "console/main.ts", output: `${folder}/x.js`, limitMs: 1 });
    await assert.rejects(bundled, { message: /^deno bundle, .* was not done in 0\.001 s$/ });
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

processTest("a development start serves the console, and says where", async () => {
  await buildConsole();
  await using gateway = await GatewayProcess.start();
  const line = await gateway.logLine("open the console");
  assert.ok(line.includes(`"${gateway.url}/"`), line);
  for (const [path, type] of Object.entries(FILES)) {
    const response = await fetch(`${gateway.url}${path}`);
    assert.equal(response.status, 200, path);
    assert.match(response.headers.get("content-type") ?? "", type);
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self';.* frame-ancestors 'none'$/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.notEqual((await response.text()).length, 0);
  }
  const settings = await (await fetch(`${gateway.url}/console.json`)).json();
  assert.deepEqual([settings.login, settings.publish_key], [true, "dev"]);
});

processTest("with a real issuer the console is there only if it is asked for", async () => {
  await buildConsole();
  await using without = await GatewayProcess.start({ settings: PRODUCTION });
  const missing = await fetch(`${without.url}/`);
  assert.equal(missing.status, 404);
  assert.equal((await missing.json()).code, "not_found");
  await using gateway = await GatewayProcess.start({
    settings: { ...PRODUCTION, GATEWAY_CONSOLE: "on", GATEWAY_HEARTBEAT_INTERVAL_MS: "3000" },
  });
  const page = await fetch(`${gateway.url}/`);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /<!doctype html>/i);
  const settings = await (await fetch(`${gateway.url}/console.json`)).text();
  assert.match(settings, /^\{"login":false,"heartbeat_interval":3000,"version":"[\d.]+"\}$/);
});
