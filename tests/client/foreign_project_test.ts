/**
 * The client in another Deno project, without this project's configuration: its types come from `client/`
 * and the pure part of the protocol, and need no library.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { needs, testUnless } from "../permissions.ts";

const test = testUnless(needs("net", "read", "run", "write"));

const ROOT = new URL("../../", import.meta.url);
const MODULE = new URL("client/mod.ts", ROOT);

/** The configuration of such a project: the strictest that a compiler may apply to imported modules. */
const CONFIG = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
  },
};

/** An app that uses the client's types. */
function appImporting(module: string): string {
  return `
import { GatewayClient, GatewayError, type Message } from ${JSON.stringify(module)};
await using gateway = new GatewayClient({
  url: "wss://chat.example.com/gateway",
  getToken: async ({ signal }) => (await fetch("/token", { signal })).text(),
});
const error: GatewayError | undefined = await new Promise((done) => gateway.on("close", done));
export const code: number | undefined = error?.closeCode;
export const messages: AsyncIterable<Message> = gateway;
// @ts-expect-error Content is any JSON.
for await (const { content } of gateway) content.text;
`;
}

async function deno(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  assert.ok(success, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** Type-checks a project that imports the client from `module`, in a folder of its own. */
async function check(module: string, flags: readonly string[] = []): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(CONFIG));
    await Deno.writeTextFile(`${folder}/app.ts`, appImporting(module));
    // With its own cache, because another test serves another module at this address.
    const env = { DENO_DIR: `${folder}/cache` };
    await deno(["check", "--no-lock", "--no-npm", ...flags, "app.ts"], folder, env);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

test("the client's modules, those of its types among them, are its own and the pure protocol's", async () => {
  const args = ["info", "--json", "--no-config", "--no-lock", MODULE.href];
  const graph: { readonly modules: readonly { readonly specifier: string }[] } = JSON.parse(
    await deno(args, fileURLToPath(ROOT)),
  );
  const foreign = graph.modules.map(({ specifier }) => specifier.replace(ROOT.href, ""))
    .filter((path) => !path.startsWith("client/"));
  assert.deepEqual(foreign.sort(), [
    "gateway/protocol/codes.ts",
    "gateway/protocol/frame_types.ts",
    "gateway/protocol/json_type.ts",
  ]);
});

test("a Deno project that imports the client's file type-checks", async () => {
  await check(MODULE.href);
});

test("a Deno project that imports the client over HTTP type-checks", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const text = await Deno.readTextFile(new URL(`.${pathname}`, ROOT));
      return new Response(text, { headers: { "content-type": "application/typescript" } });
    },
  );
  const host = `127.0.0.1:${server.addr.port}`;
  await check(`http://${host}/client/mod.ts`, [`--allow-import=${host}`]);
});
