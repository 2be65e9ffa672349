/**
 * Recordings: what went wrong in production becomes a test that fails until it is mended.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayClient, type GatewayClientOptions } from "../../client/mod.ts";
import {
  type ClientRecord,
  type ClientRule,
  createMockGateway,
  Replay,
  type TranscriptEntry,
} from "../../mock/mod.ts";
import { CLIENT_BUGS } from "../simulation/client_bugs.ts";
import { Player, saying } from "./support/player.ts";

const INTERVAL_MS = 45_000;

type Wrong = (options: GatewayClientOptions) => GatewayClientOptions;

const forgetful: Wrong = (options) =>
  CLIENT_BUGS.find(({ name }) => name === "the client does not send its last_id")
    ?.make().client?.(options) ?? assert.fail("no such bug");

const correct: Wrong = (options) => options;

/** The transcript of a client that is closed, dropped, silenced, and whose token expires. */
async function record(
  wrong: Wrong,
  log: ClientRecord[] = [],
): Promise<readonly TranscriptEntry[]> {
  await using gateway = await createMockGateway();
  const { wsUrl: url, WebSocket, clock } = gateway;
  const getToken = () => gateway.token({ user: "alice", expiresInS: 600 });
  const options = { url, WebSocket, clock, getToken, random: () => 0.5 };
  await using client = new GatewayClient(wrong(options));
  client.on("message", () => {});
  client.on("log", (record) => log.push(record));
  await gateway.advance(INTERVAL_MS);
  await gateway.publish(saying("one"), saying("two"));
  await gateway.close("all", { code: 1012, reason: "restart" });
  await gateway.advance(2 * INTERVAL_MS);
  await gateway.publish(saying("three"));
  await gateway.drop();
  await gateway.publish(saying("four"));
  await gateway.advance(4 * INTERVAL_MS);
  await gateway.freeze();
  await gateway.advance(20 * INTERVAL_MS);
  return gateway.transcript;
}

/** The same as a client logs it: its own view, without tokens. */
function asClientLog(transcript: readonly TranscriptEntry[]): readonly ClientRecord[] {
  return transcript.flatMap((entry): ClientRecord[] => {
    const { at } = entry;
    switch (entry.event) {
      case "sent":
        return [{ at, event: "received", frame: entry.frame }];
      case "received": {
        const { token: _, ...frame } = Object(entry.frame);
        return [{ at, event: "sent", frame }];
      }
      case "close_sent":
        return [{ at, event: "disconnect", code: entry.code, reason: entry.reason }];
      case "terminated":
        return [{ at, event: "disconnect", code: 1006, reason: "" }];
      // The client gave up the one before.
      case "opened":
        return [{ at, event: "disconnect", code: 1006, reason: "no answer to a heartbeat" }];
      default:
        return [];
    }
  });
}

async function replayed(replay: Replay, wrong: Wrong) {
  const { wsUrl: url, WebSocket, clock } = replay;
  const options = { url, WebSocket, clock, getToken: () => "any", random: () => 0.5 };
  await using client = new GatewayClient(wrong(options));
  client.on("message", () => {});
  return await replay.run();
}

Deno.test("a recording of a good client on this gateway has no fault, from either side", async () => {
  const log: ClientRecord[] = [];
  const transcript = await record(correct, log);
  assert.ok(new Set(transcript.map(({ connection }) => connection)).size >= 4);
  assert.ok(log.length > transcript.length);
  for (const recording of [transcript, log]) {
    const { recorded } = new Replay(recording);
    assert.deepEqual(recorded, { client: undefined, gateway: undefined });
  }
});

const VIEWS: Readonly<Record<string, (transcript: readonly TranscriptEntry[]) => Replay>> = {
  "a transcript": (transcript) => new Replay(transcript),
  "the log of a client": (transcript) => new Replay(asClientLog(transcript)),
};

for (const [name, replayOf] of Object.entries(VIEWS)) {
  Deno.test(`a bug of a client in ${name} fails a replay until it is mended`, async () => {
    const transcript = await record(forgetful);
    const rule = "the client resumes from its last message";
    const replay = replayOf(transcript);
    assert.equal(replay.recorded.client?.rule, rule);
    assert.equal(replay.recorded.gateway, undefined);
    const before = await replayed(replay, forgetful);
    assert.equal(before.broken?.rule, rule);
    const after = await replayed(replayOf(transcript), correct);
    assert.equal(after.broken, undefined);
    const sent = after.transcript.filter(({ event }) => event === "sent");
    assert.ok(sent.length > 10, "the gateway's part was played");
  });
}

/** Which connection gets what from the gateway and when, but for answers. */
function played(transcript: readonly TranscriptEntry[]): readonly TranscriptEntry[] {
  return transcript.filter((entry) =>
    entry.event === "sent"
      ? ![2, 11].includes(Object(entry.frame).op)
      : ["close_sent", "terminated", "frozen"].includes(entry.event)
  );
}

Deno.test("a client gets each frame and each end in the recorded order, at the recorded time", async () => {
  const transcript = await record(correct);
  const { broken, transcript: again } = await replayed(new Replay(transcript), correct);
  assert.equal(broken, undefined);
  assert.ok(played(transcript).length > 20);
  assert.deepEqual(played(again), played(transcript));
});

interface Habits {
  readonly identifies?: boolean;
  /** After Hello. */
  readonly delayMs?: number;
  readonly token?: unknown;
  readonly connections?: number;
  /** Until the next connection. */
  readonly returnMs?: number;
  /** Sends an op that clients do not send. */
  readonly malformed?: boolean;
  /** Answers a heartbeat with its `time` and this, or not at all. */
  readonly ack?: number | "none";
}

/** Speaks the protocol by hand, resumes, and never gives a connection up. */
function connect(replay: Replay, habits: Habits = {}, lastId?: string): void {
  const { identifies = true, delayMs = 0, connections = Infinity, malformed = false } = habits;
  const { ack = 0, returnMs = 0, token } = { token: "any", ...habits };
  const socket = new replay.WebSocket(replay.wsUrl);
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  let last_id = lastId;
  socket.onmessage = ({ data }) => {
    const { op, time, id, ...ready } = JSON.parse(data);
    const identify = (): void => send({ op: 1, token, last_id });
    if (op === 0 && identifies) replay.clock.setTimer(delayMs, identify);
    if (op === 10 && ack !== "none") send({ op: 11, time: time + ack });
    if (op === 2) {
      last_id = ready.last_id;
      if (malformed) send({ op: 99 });
    }
    if (op === 3) last_id = id;
  };
  socket.onclose = () => {
    const again = (): void => connect(replay, { ...habits, connections: connections - 1 }, last_id);
    if (connections > 1) replay.clock.setTimer(returnMs, again);
  };
}

const HABITS: Readonly<Record<string, readonly [habits: Habits, rule: ClientRule]>> = {
  "does not identify": [{ identifies: false }, "the client obeys the protocol"],
  "identifies without a token": [{ token: undefined }, "the client obeys the protocol"],
  "identifies with a token that is no text": [{ token: 5 }, "the client obeys the protocol"],
  "sends what the gateway does not accept": [{ malformed: true }, "the client obeys the protocol"],
  "does not return": [{ connections: 1 }, "every client returns"],
  "does not connect": [{ connections: 0 }, "every client returns"],
  "does not acknowledge heartbeats": [{ ack: "none" }, "the client obeys the protocol"],
  "acknowledges heartbeats with another time": [{ ack: 1 }, "the client obeys the protocol"],
  "does not notice that a connection is dead": [{}, "a dead connection is given up"],
};

Deno.test("a client is named that breaks a rule, or is not there at the end", async () => {
  const transcript = await record(correct);
  for (const [name, [habits, rule]] of Object.entries(HABITS)) {
    const replay = new Replay(transcript);
    if (habits.connections !== 0) connect(replay, habits);
    assert.equal((await replay.run()).broken?.rule, rule, name);
  }
  const close = (code: number) =>
    transcript.filter(({ connection }) => connection === "c1").map((entry) =>
      entry.event === "close_sent" ? { ...entry, code } : entry
    );
  // Clients do not return after these, and no longer have the fault for which the recorded one was closed.
  for (const code of [4010, 4001]) {
    const replay = new Replay(close(code));
    connect(replay, { connections: 1 });
    assert.equal((await replay.run()).broken, undefined, `${code}`);
  }
});

Deno.test("a replay ends soon after the first fault", async () => {
  const replay = new Replay(await record(correct));
  connect(replay, { ack: "none" });
  const { broken } = await replay.run();
  const faultMs = (broken?.at ?? 0) - replay.clock.startMs;
  assert.ok(faultMs < 5 * INTERVAL_MS, `${faultMs}`);
  assert.ok(replay.clock.elapsedMs < 10 * INTERVAL_MS, `${replay.clock.elapsedMs}`);
});

/** Connections that end with 4003, after Ready or without. */
function refusals(...areReady: readonly boolean[]): readonly ClientRecord[] {
  const ready = { event: "received", frame: { op: 2, user: "alice", last_id: "a" } };
  return areReady.flatMap((isReady, index) => {
    const at = 30_000 * index;
    return [
      { at, event: "received", frame: { op: 0, heartbeat_interval: INTERVAL_MS } },
      { at, event: "sent", frame: { op: 1 } },
      ...isReady ? [{ at, ...ready }] : [],
      { at: at + 1, event: "disconnect", code: 4003 },
    ];
  });
}

Deno.test("a client returns after a session that ends with 4003, and in the first minute of refusals", async () => {
  const away = "every client returns";
  const cases: readonly (readonly [areReady: readonly boolean[], rule: ClientRule | undefined])[] =
    [
      [[true], away],
      [[false], away],
      [[true, false, false], away],
      [[false, false, false], undefined],
    ];
  for (const [areReady, rule] of cases) {
    const replay = new Replay(refusals(...areReady));
    connect(replay, { connections: areReady.length, returnMs: 30_000 });
    assert.equal((await replay.run()).broken?.rule, rule, areReady.join());
  }
});

Deno.test("what followed Identify in the recording waits for it", async () => {
  const transcript = await record(correct);
  const first = ({ connection }: TranscriptEntry): boolean => connection === "c1";
  const replay = new Replay(transcript.filter(first));
  connect(replay, { delayMs: INTERVAL_MS + 1, connections: 1 });
  const again = (await replay.run()).transcript;
  const events = (entries: readonly TranscriptEntry[]) =>
    played(entries).map((entry) => ({ ...entry, at: 0 }));
  assert.deepEqual(events(again), events(transcript.filter(first)));
  const [hello, identify, ready] = again.filter(({ event }) => /sent|received/.test(event));
  const elapsed = [hello, identify, ready].map((entry) => (entry?.at ?? 0) - replay.clock.startMs);
  assert.deepEqual(elapsed, [0, INTERVAL_MS + 1, INTERVAL_MS + 1]);
});

Deno.test("a recording of closes that frames do not explain has no fault", async () => {
  const codes = [1011, 1012, 4003, 4008, 4009, 4010, 4011];
  for (const code of codes) {
    await using gateway = await createMockGateway();
    await Player.ready(gateway);
    await gateway.close("all", { code });
    const { recorded } = new Replay(gateway.transcript);
    const client = code === 4008 ? "the client obeys the protocol" : undefined;
    assert.deepEqual([recorded.gateway, recorded.client?.rule], [undefined, client], `${code}`);
  }
  await using gateway = await createMockGateway({ limits: { maxConnections: 1 } });
  await Player.ready(gateway);
  const refused = await Player.connect(gateway);
  assert.equal(refused.ending()?.code, 1013);
  assert.equal(new Replay(gateway.transcript).recorded.gateway, undefined);
});

type Edit = (entry: TranscriptEntry, index: number) => readonly TranscriptEntry[];

const opIs = (entry: TranscriptEntry, op: number): boolean =>
  entry.event === "sent" && Object(entry.frame).op === op;

/** Bugs of a gateway, as they would show in a recording. */
const EDITS: Readonly<Record<string, { readonly edit: Edit; readonly expected: RegExp }>> = {
  "another interval in a second Hello": {
    edit: (entry) =>
      opIs(entry, 2) && entry.event === "sent"
        ? [{ ...entry, frame: { op: 0, heartbeat_interval: 1 } }, entry]
        : [entry],
    expected: /nothing/,
  },
  "a message before Ready": {
    edit: (entry) =>
      opIs(entry, 2) && entry.event === "sent"
        ? [{ ...entry, frame: { op: 3, id: "x-1" } }, entry]
        : [entry],
    expected: /nothing before Ready/,
  },
  "an ACK of another time": {
    edit: (entry) =>
      opIs(entry, 11) && entry.event === "sent"
        ? [{ ...entry, frame: { op: 11, time: 1 } }]
        : [entry],
    expected: /"op":11/,
  },
  "a client that is not closed though it does not answer": {
    edit: (entry) => entry.event === "received" && Object(entry.frame).op === 11 ? [] : [entry],
    expected: /a close with 4002/,
  },
  "Ready without resumed": {
    edit: (entry) => {
      if (!opIs(entry, 2) || entry.event !== "sent") return [entry];
      const { resumed: _, ...frame } = Object(entry.frame);
      return [{ ...entry, frame }];
    },
    expected: /"resumed":/,
  },
  "a close without a reason": {
    edit: (entry) => entry.event === "close_sent" ? [{ ...entry, code: 4001 }] : [entry],
    expected: /no close/,
  },
};

Deno.test("a bug of a gateway in a recording differs from the reducer", async (t) => {
  const transcript = await record(correct);
  for (const [name, { edit, expected }] of Object.entries(EDITS)) {
    await t.step(name, () => {
      const { gateway } = new Replay(transcript.flatMap(edit)).recorded;
      assert.match(gateway?.expected ?? "no deviation", expected);
      console.log(`${gateway?.connection}: ${gateway?.expected}, not ${gateway?.actual}`);
    });
  }
});
