/**
 * `certify`: its command line, its reports, and its verdict on the examples and on wrong clients. `deno task
 * certify:table` runs all checks on all of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Check } from "../../certify/check.ts";
import { CHECKS } from "../../certify/checks/mod.ts";
import { EXAMPLES } from "../certify/examples.ts";
import { FAULTS } from "../certify/faults.ts";
import { needs, testUnless } from "../permissions.ts";
import { ROOT } from "../tidy/sources.ts";
import { within } from "./support/wait.ts";

/** Wrong clients at the same time; most of them wait. */
const AT_ONCE = 16;
/** Longer checks are left to the task, in seconds. */
const MAX_S = 12;
const QUICK = CHECKS.filter(({ realS }) => realS === undefined);

const UNSTARTED = needs("run", "net", "env", "read", "write");
const test = testUnless(UNSTARTED);
const load = () => import("../certify/kit.ts");

test("certify writes the scorecard as JSON, JUnit and HTML", async () => {
  const reports = ["--json=card.json", "--junit=card.xml", "--html=card.html"];
  const { certify, wrongClient } = await load();
  const client = wrongClient("token in the URL");
  const { code, text, files } = await certify(
    ...reports,
    "--only=session,token-not-in-url",
    "--",
    ...client,
  );
  assert.equal(code, 1, text);
  assert.match(
    text,
    /1 passed, 1 failed, 0 skipped, in \d+ s\nfailed: token-not-in-url\ncard.html shows/,
  );
  const card = JSON.parse(files.get("card.json") ?? "");
  const [session, { detail, ...other }] = card.checks;
  assert.deepEqual([card.client, card.score], [client.join(" "), 1]);
  assert.deepEqual(session, { id: "session", section: "In short", result: "pass", detail: "" });
  assert.deepEqual(other, { id: "token-not-in-url", section: "Transport", result: "fail" });
  assert.match(detail, /^the handshake asks for \/gateway\?token=\S{6}…\S{6}$/);
  const xml = files.get("card.xml") ?? "";
  assert.match(xml, /<testsuites name="certify" tests="2" failures="1" errors="0" skipped="0"/);
  assert.match(xml, /<failure message="the handshake asks for \/gateway\?token=/);
  const page = files.get("card.html") ?? "";
  assert.match(page, /<section class="card" id="token-not-in-url">/);
  assert.match(
    page,
    /<td>gateway<\/td><td class="text">{&quot;op&quot;:0,&quot;heartbeat_interval/,
  );
  assert.doesNotMatch(page, /<section class="card" id="session">/);
  for (const report of [text, ...files.values()]) {
    assert.doesNotMatch(report, /[\w-]+\.[\w-]+\.[\w-]{40}/);
  }
});

test("certify skips what a silent client does not tell", async () => {
  const { certify, wrongClient } = await load();
  const client = wrongClient("prints nothing");
  const { code, text } = await certify("--only=session,gap-told", "--", ...client);
  assert.equal(code, 0, text);
  assert.match(text, /skip {2}gap-told [^]*the command prints no JSON lines/);
});

test("certify judges a client without a session by that alone", async () => {
  const { certify } = await load();
  const client = [Deno.execPath(), "eval", "throw 'no network'"];
  const { code, text } = await certify("--only=session,ack-time", "--", ...client);
  assert.equal(code, 1);
  assert.match(text, /FAIL {2}session [^]*no network[^]*skip {2}ack-time [^]*failed: session\n/);
});

test("certify --require says how many checks must pass", async () => {
  const { certify, wrongClient } = await load();
  const only = "--only=session,token-not-in-url";
  const run = (n: number) =>
    certify(`--require=${n}`, only, "--", ...wrongClient("token in the URL"));
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
  const { certify } = await load();
  for (const [args, message] of cases) {
    const { code, text } = await certify(...args);
    assert.equal(code, 2, text);
    assert.match(text, message);
  }
});

test("certify ends its clients when it is terminated", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const client =
    `const c = await Deno.connect({ port: ${port} }); await c.read(new Uint8Array(1));`;
  const allowed = ["net=127.0.0.1", "env", "read", "write", "run", "sys"];
  const judge = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", ...allowed.map((name) => `--allow-${name}`), "main.ts", "certify"],
      ...["--only=session", "--", Deno.execPath(), "eval", client],
    ],
    cwd: fileURLToPath(ROOT),
    stdout: "null",
    stderr: "null",
  }).spawn();
  using connection = await within("the client to start", listener.accept());
  judge.kill("SIGTERM");
  const read = connection.read(new Uint8Array(1));
  assert.equal(await within("the client to end", read), null);
  assert.equal((await judge.status).code, 130);
});

/** The check that is meant for a fault, and the next quick one. */
function checksFor(id: string): readonly Check[] {
  const at = CHECKS.findIndex((check) => check.id === id);
  const next = [...CHECKS.slice(at + 1), ...CHECKS].find((check) => QUICK.includes(check));
  return [...CHECKS.slice(at, at + 1), ...next === undefined ? [] : [next]];
}

test("each wrong client fails the check that is meant for it, not the next", async () => {
  const { judgeCommand, sideBySide, wrongClient } = await load();
  const seconds = new Map(CHECKS.map(({ id, realS = 0 }) => [id, realS]));
  const judged = Object.entries(FAULTS).filter(([, id]) => (seconds.get(id) ?? 0) <= MAX_S);
  const wrong: string[] = [];
  const details = new Map<string, string>();
  await sideBySide(judged, AT_ONCE, async ([fault, id]) => {
    const verdicts = await judgeCommand(wrongClient(fault), { checks: checksFor(id), atOnce: 2 });
    const failed = verdicts.filter(({ result }) => result === "fail").map(({ check }) => check.id);
    details.set(fault, verdicts[0]?.detail ?? "");
    if (failed.join() !== id) wrong.push(`${fault} fails ${failed.join() || "nothing"}, not ${id}`);
  });
  assert.deepEqual(wrong, []);
  assert.match(
    details.get("another time in ACKs") ?? "",
    /: got an ACK of \d+\nthe gateway closed with 4002: a heartbeat was not acknowledged$/,
  );
  assert.match(details.get("ten heartbeats in a second") ?? "", /, \d\d with op 10/);
});

for (const { name, missing, command } of EXAMPLES) {
  testUnless(UNSTARTED ?? missing)(`certify passes ${name}`, async () => {
    // All quick checks for one of them, and some for each.
    const checks = QUICK.filter((_, index) => name === "client.mjs" || index % 5 === 0);
    const { judgeCommand } = await load();
    const verdicts = await judgeCommand(await command(), { checks, atOnce: AT_ONCE });
    const others = verdicts.filter(({ result }) => result !== "pass");
    assert.deepEqual(others.map(({ check, detail }) => `${check.id}: ${detail}`), []);
  });
}
