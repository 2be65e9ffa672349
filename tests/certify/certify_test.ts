/**
 * `certify`: its table of checks, its command line, and its verdict on the examples.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { CHECKS } from "../../certify/checks/mod.ts";
import { needs, testUnless } from "../permissions.ts";
import { read, ROOT } from "../tidy/sources.ts";

const UNSTARTED = needs("run", "net", "env", "read");
const test = testUnless(UNSTARTED);

/** Checks that take a correct client no more than the time of its own start. */
const QUICK = CHECKS.filter(({ realS }) => realS === undefined).map(({ id }) => id);

/** Runs the command on this machine's clock, as a user does. */
async function certify(...args: readonly string[]): Promise<{
  readonly code: number;
  readonly text: string;
  readonly files: ReadonlyMap<string, string>;
}> {
  // Loaded late, because a run without permissions cannot load `ws`.
  const { runCertifyCommand } = await import("../../certify/command.ts");
  const { SystemClock } = await import("../../gateway/runtime/clock.ts");
  const lines: string[] = [];
  const files = new Map<string, string>();
  const code = await runCertifyCommand(args, {
    clock: new SystemClock(),
    print: (line) => lines.push(line),
    writeFile: (path, text) => Promise.resolve(void files.set(path, text)),
  });
  return { code, text: lines.join("\n"), files };
}

/** The command line of an example, which runs with the permissions that its first lines name. */
function example(name: string, ...permissions: readonly string[]): readonly string[] {
  const path = fileURLToPath(new URL(`examples/${name}`, ROOT));
  return ["--", Deno.execPath(), "run", "--no-prompt", ...permissions, path];
}

testUnless(needs("read"))(
  "each check is named once, and comes from a section of the protocol",
  () => {
    assert.ok(CHECKS.length >= 30);
    const ids = CHECKS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const headings = [...read("docs/protocol.md").matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title
    );
    for (const { id, section } of CHECKS) {
      assert.ok(
        headings.includes(section),
        `${id}: ${section}`,
      );
    }
  },
);

test("certify passes client.mjs, and writes its score as JSON", async () => {
  const only = `--only=${QUICK.join(",")}`;
  const client = example("client.mjs", "--allow-net", "--allow-env");
  const { code, text, files } = await certify("--json=card.json", only, ...client);
  assert.equal(code, 0, text);
  const { checks, score, ...rest } = JSON.parse(files.get("card.json") ?? "");
  assert.deepEqual([rest.client, score, checks.length], [
    client.slice(1).join(" "),
    QUICK.length,
    QUICK.length,
  ]);
  assert.deepEqual(checks[0], { id: "session", section: "In short", result: "pass", detail: "" });
});

test("certify judges a client without a session by that alone", async () => {
  const client = ["--", Deno.execPath(), "eval", "throw 'no network'"];
  const { code, text } = await certify("--only=session,ack-time", ...client);
  assert.equal(code, 1);
  assert.match(text, /FAIL {2}session [^]*no network[^]*skip {2}ack-time [^]*failed: session$/);
});

test("certify --require says how many checks must pass", async () => {
  const run = (n: number) => certify(`--require=${n}`, "--only=session", ...client);
  const client = example("client.mjs", "--allow-net", "--allow-env");
  assert.deepEqual([(await run(1)).code, (await run(2)).code], [0, 1]);
});

test("certify names what is wrong with its arguments, with exit code 2", async () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [["--only=session"], /expected a command after "--"/],
    [["--only=nonsense", "--", "true"], /there is no check "nonsense"/],
    [["--require=many", "--", "true"], /--require: expected a number/],
    [["--no-such-option", "--", "true"], /--no-such-option/],
    [["--only=session", "--", "no-such-program-anywhere"], /cannot start no-such-program-anywhere/],
  ];
  for (const [args, message] of cases) {
    const { code, text } = await certify(...args);
    assert.equal(code, 2, text);
    assert.match(text, message);
  }
});
