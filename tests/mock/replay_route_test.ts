/**
 * The control routes of recordings, without a port.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setUp } from "./support/control.ts";
import { Player } from "./support/player.ts";

const HELLO = {
  at: 1_800_000_000_000,
  event: "received",
  frame: { op: 0, heartbeat_interval: 45_000 },
};

const ready = (user: string) => ({
  ...HELLO,
  frame: { op: 2, user, last_id: "a" },
});

Deno.test("/mock/replay names the entry that is wrong, and what it expects", async () => {
  const { call } = await setUp();
  const faults: readonly [recording: unknown, pointer: string, detail: RegExp][] = [
    [{ at: 1 }, "#/recording", /^expected array/],
    [[], "#/recording", /^has no connection/],
    [[{ at: 1, event: "state", state: "ready" }], "#/recording", /^has no connection/],
    [[{ ...HELLO, frame: { op: 10, time: 1 } }], "#/recording", /^has no Hello on c1/],
    [[HELLO, ready("alice"), ready("bob")], "#/recording", /^has users alice, bob: record one/],
    [
      [{ ...HELLO, frame: { op: 0, heartbeat_interval: 0 } }],
      "#/recording",
      /^has a Hello on c1 wi/,
    ],
    [[HELLO, "sent"], "#/recording/1", /^expected object/],
    [[HELLO, { ...HELLO, at: "now" }], "#/recording/1/at", /^expected (int|number)/],
    [[HELLO, { ...HELLO, at: 0.5 }], "#/recording/1/at", /int/],
    [[{ at: 1, event: "sent" }], "#/recording/0/frame", /^is missing, expected with sent/],
    [[HELLO, { at: 1, event: "close_sent" }], "#/recording/1/code", /^is missing/],
    [
      [HELLO, { at: 1, event: "disconnect", code: 1012, reason: "x".repeat(124) }],
      "#/recording/1/reason",
      /^is longer than 123 bytes/,
    ],
  ];
  for (const [recording, pointer, detail] of faults) {
    const { status, body } = await call("POST", "/replay", { recording });
    assert.deepEqual([status, body.code], [400, "invalid_body"], pointer);
    assert.equal(body.errors[0].pointer, pointer);
    assert.match(body.errors[0].detail, detail);
  }
});

Deno.test("/mock/replay plays a recording until the next reset, and judges its client", async () => {
  const { call, gateway, setInStep } = await setUp();
  assert.equal((await call("POST", "/replay/run")).body.code, "no_recording");
  const { at } = HELLO;
  const log = [
    { at, event: "from a later version", frame: {} },
    { at, event: "sent", frame: { op: 1 } },
    HELLO,
    { at: at + 30, event: "received", frame: { op: 2, user: "alice", last_id: "a" } },
    { at: at + 45_000, event: "received", frame: { op: 10, time: at + 45_000 } },
    { at: at + 45_000, event: "sent", frame: { op: 11, time: at + 45_000 } },
    { at: at + 46_000, event: "disconnect", code: 1005, reason: "x".repeat(200) },
    { at: at + 50_000, event: "sent", frame: { op: 1 } },
    { ...HELLO, at: at + 50_000 },
    { at: at + 50_030, event: "received", frame: { op: 2, user: "alice", last_id: "b" } },
    { at: at + 60_000, event: "disconnect", code: 4010, reason: "bye" },
  ];
  const loaded = await call("POST", "/replay", { recording: log });
  const { recorded, connections } = loaded.body;
  assert.deepEqual([loaded.status, connections, recorded.gateway], [200, 2, null]);
  const rule = "the client resumes from its last message";
  assert.deepEqual([recorded.client.rule, recorded.client.elapsed_ms], [rule, 50_030]);
  assert.equal((await call("GET", "/clock")).body.now, at);
  assert.equal((await call("POST", "/replay/run")).body.code, "no_clients");
  const first = await Player.connect(gateway);
  assert.deepEqual(first.of(0).length, 1);
  setInStep(false);
  assert.equal((await call("POST", "/replay/run")).body.code, "not_in_step");
  setInStep(true);
  await first.identify("any token");
  await gateway.advance(46_000);
  assert.deepEqual([first.of(2).length, first.ending()?.code], [1, 1006]);
  const second = await Player.connect(gateway);
  await second.identify("any token", "a");
  const { broken, transcript } = (await call("POST", "/replay/run")).body;
  assert.equal(broken, null);
  assert.deepEqual([second.of(2).length, second.ending()?.code], [1, 4010]);
  const received = transcript.filter(({ event }: { event: string }) => event === "received");
  assert.deepEqual(
    received.map(({ frame }: { frame: { op: number; last_id?: string } }) => [
      frame.op,
      frame.last_id,
    ]),
    [[1, undefined], [11, undefined], [1, "a"]],
  );
  const third = await Player.connect(gateway);
  assert.deepEqual([third.frames.length, third.ending()?.code], [0, 1006]);
  await call("POST", "/reset");
  assert.equal((await Player.ready(gateway)).of(2).length, 1);
  assert.equal((await call("POST", "/replay/run")).body.code, "no_recording");
});

Deno.test("a replay answers heartbeats and renewals that were not recorded, and waits for an ACK", async () => {
  const { call, gateway } = await setUp();
  const { at } = HELLO;
  const recording = [
    HELLO,
    { at, event: "sent", frame: { op: 1 } },
    { at, event: "received", frame: { op: 2, user: "alice", last_id: "a", resumed: false } },
    { at: at + 45_000, event: "received", frame: { op: 10, time: at + 45_000 } },
    { at: at + 45_000, event: "sent", frame: { op: 11, time: at + 45_000 } },
    { at: at + 45_000, event: "received", frame: { op: 3, id: "b", content: 1 } },
  ];
  await call("POST", "/replay", { recording });
  const player = await Player.connect(gateway);
  await player.identify("any token");
  player.send({ op: 10, time: 1 });
  await gateway.advance(45_000);
  await player.identify("another token");
  await gateway.advance(1);
  player.send({ op: 10, time: 2 });
  await gateway.settled();
  assert.deepEqual(player.of(11).map(({ time }) => time), [1]);
  assert.deepEqual(
    player.of(2).map(({ last_id, resumed }) => [last_id, resumed]),
    [["a", false], ["b", undefined]],
  );
  const ops = gateway.transcript.flatMap((entry) =>
    "frame" in entry && entry.at === at + 45_000 ? [Object(entry.frame).op] : []
  );
  assert.deepEqual(ops, [10, 11, 3, 1, 2]);
});

Deno.test("the answer to a recording has no token, whoever is said to have sent it", async () => {
  const { send } = await setUp();
  const identify = { ...HELLO, frame: { op: 1, token: "secret" } };
  const response = await send("POST", "/replay", { recording: [HELLO, identify] });
  const text = await response.text();
  assert.match(text, /"actual":"{\\"op\\":1,/);
  assert.doesNotMatch(text, /secret/);
});

Deno.test("a recording may be longer than a publish", async () => {
  const { call } = await setUp();
  const long = { ...HELLO, event: "from a later version", frame: "x".repeat(5_000_000) };
  assert.equal((await call("POST", "/replay", { recording: [HELLO, long] })).status, 200);
});

Deno.test("a replay or chaos whose harness leaves has no verdict", async () => {
  const { call, gateway, setInStep } = await setUp();
  await call("POST", "/replay", { recording: [HELLO] });
  await Player.connect(gateway);
  gateway.clock.setTimer(1000, () => setInStep(false));
  const replayed = await call("POST", "/replay/run");
  await call("POST", "/reset");
  await Player.ready(gateway);
  setInStep(true);
  gateway.clock.setTimer(1000, () => setInStep(false));
  const chaos = await call("POST", "/chaos", { seed: 1, minutes: 1 });
  for (const { status, body } of [replayed, chaos]) {
    assert.deepEqual([status, body.code], [409, "not_in_step"]);
  }
});

Deno.test("a reset ends chaos, which does not move the time after it", async () => {
  const { call, gateway } = await setUp();
  await Player.ready(gateway);
  const chaos = call("POST", "/chaos", { seed: 1, minutes: 600 });
  await call("GET", "/clock");
  await call("POST", "/reset", { start_ms: 1000 });
  const { status, body } = await chaos;
  assert.deepEqual([status, body.code, gateway.clock.elapsedMs], [409, "reset", 0]);
});

Deno.test("a reset waits for the end of a replay, which does not move its time", async () => {
  const { call, gateway } = await setUp();
  await call("POST", "/replay", { recording: [HELLO] });
  const { socket } = await Player.connect(gateway);
  // The replay goes on for two minutes after that, which it learns at the end of the first two.
  gateway.clock.setTimer(50_000, () => socket.close());
  const run = call("POST", "/replay/run");
  await call("GET", "/clock");
  await call("POST", "/reset", { start_ms: 1000 });
  assert.equal((await run).body.broken?.elapsed_ms, 170_000);
  assert.equal(gateway.clock.elapsedMs, 0);
});
