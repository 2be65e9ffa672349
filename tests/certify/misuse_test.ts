/**
 * `certify` and clients that are wrong in ways that a judge must survive, and arguments that cannot be used.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Output } from "../../certify/output.ts";
import { redact } from "../../certify/redact.ts";
import { Wire } from "../../certify/wire.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { within } from "../conformance/support/wait.ts";
import { needs, testUnless } from "../permissions.ts";

const test = testUnless(needs("run", "net", "env", "read", "write"));
const load = () => import("./kit.ts");

/** A fault of the client, the check that names it, and the detail. */
const DETAILS: readonly (readonly [fault: string, check: string, detail: RegExp])[] = [
  ["2 MB after Ready", "frame-size", /closed with 1009: a frame is too long to be read/],
  ["a 2 MB Identify", "session", /closed with 1009: a frame is too long to be read/],
  ["2 MB, and back after 1009", "frame-size", /^a frame has more than 1048576 bytes/],
  ["a token in the second URL", "token-not-in-url", /^the handshake asks for \/gateway\?token=/],
  ["ten pings in a second", "frame-rate", /^\d\d frames in 8 s.*: \d\d pings, /],
  ["closes without a code", "closes-cleanly", /^the client left with a close frame without a code/],
  ["prints numbers for ids", "messages-once", /ignored {"message":7}: a value of the wrong type/],
];

test("certify names what a client does wrong, not what follows from it", async () => {
  const { judgeCommand, sideBySide, wrongClient } = await load();
  const { CHECKS } = await import("../../certify/checks/mod.ts");
  const details: string[] = [];
  await sideBySide(DETAILS, DETAILS.length, async ([fault, id, expected]) => {
    const checks = CHECKS.filter((check) => check.id === id);
    const [verdict] = await judgeCommand(wrongClient(fault), { checks, atOnce: 1 });
    assert.notEqual(verdict?.result, "pass", fault);
    if (!expected.test(verdict?.detail ?? "")) details.push(`${fault}: ${verdict?.detail}`);
  });
  assert.deepEqual(details, []);
});

test("certify skips a check that fails for the reason of another", async () => {
  const { judgeCommand, wrongClient } = await load();
  const { CHECKS } = await import("../../certify/checks/mod.ts");
  const checks = CHECKS.filter(({ id }) => ["resume-ready", "close-dropped"].includes(id));
  const verdicts = await judgeCommand(wrongClient("ends after 1006"), { checks, atOnce: 2 });
  const [resume, dropped] = verdicts.map(({ check, result }) => `${check.id}: ${result}`);
  assert.deepEqual([resume, dropped], ["resume-ready: skip", "close-dropped: fail"]);
  assert.equal(verdicts[0]?.detail, "judged only if close-dropped passes");
});

test("certify refuses what it cannot do before it starts a client, in one line", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a`, "");
  await Deno.symlink(`${folder}/a`, `${folder}/link`);
  await Deno.link(`${folder}/a`, `${folder}/hard`);
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--only=sesion"], /: --only: there is no check "sesion"; did you mean session\?$/],
    [["--only=nonsense"], /: --only: there is no check "nonsense"; there are session, first-/],
    [["--only=session,session", "--require=2"], /: --require: 2 is more than 1 check$/],
    [["--json="], /: --json: expected a file$/],
    [["--json=x", "--html=./x"], /: --html: \.\/x is the file of --json, x$/],
    [[`--json=${folder}/a`, `--html=${folder}/link`], /link is the file of --json, \S+a$/],
    [[`--json=${folder}/a`, `--junit=${folder}/hard`], /hard is the file of --json, \S+a$/],
    [["--jsn=x"], /: --jsn is not an option; did you mean --json\?$/],
    [["--json=/no/x"], /: --json: cannot write \/no\/x: no such folder$/],
  ];
  const { certify } = await load();
  for (const [args, message] of cases) {
    const { code, text } = await certify(...args, "--", "no-such-program-anywhere");
    assert.deepEqual([code, text.split("\n").length], [2, 1], text);
    assert.match(text, message);
  }
  await Deno.remove(folder, { recursive: true });
  const { code, text } = await certify("--only=session", "--", "no-such-program-anywhere");
  assert.equal(code, 2);
  assert.match(
    text,
    /^1 check of: [^]*: cannot start no-such-program-anywhere: there is no such program$/,
  );
});

test("certify writes the other reports if one cannot be written in the end", async () => {
  const { certify } = await load();
  const client = [Deno.execPath(), "eval", "throw 'no network'"];
  const reports = ["--json=/full/x", "--html=card.html"];
  const { code, text, files } = await certify("--only=session", ...reports, "--", ...client);
  assert.equal(code, 2);
  assert.match(
    text,
    /\nemagine-gateway: --json: cannot write \/full\/x: disk full$/,
  );
  assert.match(files.get("card.html") ?? "", /Scorecard/);
});

test("spawner does not wait for a process that it cannot find", async () => {
  const { start } = await load();
  const client = start(["sh", "-c", "setsid env -i sh -c 'echo $$; exec sleep 60' & wait"]);
  const pid = Number(await client.firstLine);
  try {
    await within("the end of the client", client.kill());
  } finally {
    Deno.kill(pid, "SIGKILL");
  }
});

testUnless(Deno.build.os === "linux" ? needs("run", "net", "env", "read", "write") : "needs Linux")(
  "spawner ends processes that have left the client's group, and no others",
  async () => {
    const { start } = await load();
    const scripts = ["setsid sh -c 'echo $$; exec sleep 60' & wait", "echo $$; exec sleep 60"];
    const [left, other] = scripts.map((script) => start(["sh", "-c", script]));
    assert.ok(left && other);
    const [pid, otherPid] = (await Promise.all([left.firstLine, other.firstLine])).map(Number);
    await left.kill();
    // A process that nobody has waited for is a zombie.
    const isAlive = (pid: number | undefined) => {
      const args = ["-qs", "^State:.[^Z]", `/proc/${pid}/status`];
      return new Deno.Command("grep", { args }).outputSync().success;
    };
    assert.deepEqual([isAlive(pid), isAlive(otherPid)], [false, true]);
    await other.kill();
  },
);

Deno.test("Output.add() finds a token in two pieces of a line", () => {
  const tokens = ["head.claims.signature"];
  const output = new Output();
  output.add(`${"x".repeat(100)}signa`, { stream: "stdout", tokens });
  output.add("ture, ture", { stream: "stderr", tokens });
  assert.equal(output.hasToken, false);
  output.add("ture", { stream: "stdout", tokens });
  assert.equal(output.hasToken, true);
});

Deno.test("redact() shortens tokens, and parts of one where a line was cut", () => {
  const token = "eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiJsb2dpbi0xIn0.c2lnbmF0dXJlLW9mLXRva2Vu";
  const cases: readonly (readonly [string, string])[] = [
    [`a ${token} b ${token}`, "a eyJhbG…Rva2Vu b eyJhbG…Rva2Vu"],
    [`xx${token.slice(0, 40)}`, "xxeyJhbG…"],
    [`first\n  ${token.slice(30)}, last`, "first\n  …Rva2Vu, last"],
    [`x${token.slice(-16)}`, `x${token.slice(-16)}`],
    ["", ""],
  ];
  for (const [text, expected] of cases) {
    assert.equal(redact(text, ["other.token.of-login-2", token]), expected);
  }
});

test("spawner passes on a long line in pieces", async () => {
  const { start } = await load();
  const client = start(["sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x"]);
  await client.exited;
  await client.kill();
  assert.deepEqual(client.lines.map(({ length }) => length), [65_536, 65_536, 65_536, 3392]);
});

Deno.test("Wire.printed() drops the first lines of an endless output, with a note", () => {
  const wire = new Wire(new FakeClock(), () => {});
  wire.record({ connection: "", event: "login", text: "POST /login" });
  for (let n = 1; n <= 3000; n++) wire.printed("stdout", `line ${n}`);
  const [login, note, first] = wire.events.map(({ text }) => text);
  assert.deepEqual([login, note, first, wire.events.length], [
    "POST /login",
    "2000 lines of output are left out",
    "line 2001",
    1002,
  ]);
  for (let n = 0; n < 20; n++) wire.printed("stderr", "x".repeat(65_536));
  assert.equal(wire.events.length, 18);
});
