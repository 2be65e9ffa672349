/**
 * Checks of heartbeats in both directions.
 *
 * @module
 */

import { Op } from "../../gateway/protocol/codes.ts";
import type { Check } from "../check.ts";
import type { Stage } from "../stage.ts";
import type { Connection } from "../wire.ts";
import { requireEcho } from "./require_echo.ts";
import { expect, orSkip } from "../outcome.ts";

const INTERVAL_MS = 45_000;
const BEATS = 5;
/** At once, on a machine that is busy. */
const AT_ONCE_MS = 2000;
/** The times that clients get wrong: falsy, above 32 bits, and the largest. */
const TIMES = [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
/** Of the checks that wait for a client to find its server dead or alive. */
const SHORT_INTERVAL_MS = 2000;

/** A connection with Identify, whose Ready is held back. */
async function unready(stage: Stage): Promise<Connection> {
  stage.wire.interference.hold = ({ op }) => op === Op.Ready;
  const held = () => stage.wire.connections.find((connection) => connection.isHeld);
  return await stage.until("Identify", held);
}

/** A ready connection over which nothing arrives any more, in real time. */
async function silenced(stage: Stage): Promise<Connection> {
  const connection = await stage.ready();
  stage.runClock();
  // A client that gives up a connection has no close code.
  stage.needed.add("close-dropped");
  await stage.freeze(connection);
  return connection;
}

const ACK_HINT = 'Answer {"op":10,"time":T} with {"op":11,"time":T}, wherever it arrives.';

export const HEARTBEATS: readonly Check[] = [
  {
    id: "ack-time",
    section: "Heartbeats",
    rule: "Each ACK has the exact `time` of its heartbeat.",
    hint: ACK_HINT,
    run: async (stage) => {
      const connection = await stage.ready();
      for (let count = 1; count <= BEATS && connection.isReady; count++) {
        await stage.advance(INTERVAL_MS);
      }
      const sent = connection.sent.filter(({ op }) => op === Op.Heartbeat);
      const acked = connection.of(Op.HeartbeatAck).map(({ time }) => time);
      for (const [index, { time }] of sent.entries()) {
        const got = index < acked.length ? `got an ACK of ${acked[index]}` : "no ACK";
        expect(acked.includes(time ?? null), `expected an ACK of the heartbeat ${time}: ${got}`);
      }
      expect(sent.length === BEATS, "the connection ended");
    },
  },
  {
    id: "ack-any-time",
    section: "Heartbeat (10) and Heartbeat ACK (11)",
    rule: "ACKs are right for each `time` from 0 to 2^53 - 1.",
    hint: "Use 64-bit integers or doubles, and do not treat 0 as a missing field.",
    run: async (stage) => {
      const connection = await stage.ready();
      await requireEcho(stage, connection);
      for (const time of TIMES) {
        const ack = await stage.beat(connection, `{"op":10,"time":${time}}`);
        expect(ack["time"] === time, `the ACK of ${time} has the time ${ack["time"]}`);
      }
    },
  },
  {
    id: "ack-at-once",
    section: "Heartbeats",
    rule: "Each heartbeat is acknowledged at once.",
    hint: "Answer where frames are read; do not wait for the app, a timer or the next message.",
    run: async (stage) => {
      const connection = await stage.ready();
      await stage.advance(INTERVAL_MS);
      const ack = await stage.until(
        "an ACK",
        () => connection.of(Op.HeartbeatAck)[0],
        { withinMs: 3 * AT_ONCE_MS },
      );
      const beat = connection.sent.find(({ op }) => op === Op.Heartbeat);
      const tookMs = ack.atMs - (beat?.atMs ?? 0);
      expect(tookMs < AT_ONCE_MS, `the ACK took ${Math.round(tookMs)} ms`);
    },
  },
  {
    id: "ack-before-ready",
    section: "Heartbeats",
    rule: "Heartbeats are acknowledged before Ready, too.",
    hint: `${ACK_HINT} Heartbeats begin with Hello, while the token is still being verified.`,
    run: async (stage) => {
      const connection = await unready(stage);
      await stage.beat(connection, `{"op":10,"time":${2 ** 41}}`);
    },
  },
  {
    id: "ack-during-replay",
    section: "Resuming",
    rule: "Heartbeats are acknowledged in the middle of a replay.",
    hint: `${ACK_HINT} A replay may take longer than heartbeat_interval.`,
    run: async (stage) => {
      const first = await stage.ready();
      await stage.processed(await stage.publish());
      stage.refuse = { status: 503 };
      await stage.drop(first);
      stage.needed.add("resume-message");
      await stage.publishMany(400);
      let replayed = 0;
      stage.wire.interference.hold = ({ op }) => op === Op.Message && ++replayed === 200;
      stage.refuse = undefined;
      const held = () => stage.wire.connections.find((connection) => connection.isHeld);
      const connection = await stage.until("a replay", held);
      await stage.beat(connection, `{"op":10,"time":${2 ** 41}}`);
    },
  },
  {
    id: "heartbeats-after-ready",
    section: "Heartbeats",
    rule: "The client sends no heartbeat of its own before Ready.",
    hint: "A frame in flight while the server refuses the token can cost you the close code.",
    run: async (stage) => {
      const connection = await unready(stage);
      const beat = () => connection.of(Op.Heartbeat).length > 0;
      await stage.never("a heartbeat arrived before Ready was sent", beat, 1000);
    },
  },
  {
    id: "dead-server",
    section: "Heartbeats",
    rule: "A connection over which nothing arrives any more is given up in time.",
    hint:
      "Send a heartbeat every heartbeat_interval (that of Hello) and reconnect if its ACK has " +
      "not arrived when the next is due, or reconnect after two intervals without a frame.",
    realS: 5,
    setting: { connection: { heartbeatIntervalMs: SHORT_INTERVAL_MS } },
    run: async (stage) => {
      const connection = await silenced(stage);
      await stage.reconnected(connection, {
        withinMs: 3 * SHORT_INTERVAL_MS + 3000,
        after: `the network went silent, with heartbeats due every ${SHORT_INTERVAL_MS / 1000} s`,
      });
    },
  },
  {
    id: "dead-server-closes-old",
    section: "Writing a client",
    rule: "The client closes a dead connection before it uses a new one.",
    hint: "Close the old WebSocket, and remove its handlers, before you open the next.",
    realS: 7,
    setting: { connection: { heartbeatIntervalMs: SHORT_INTERVAL_MS } },
    run: async (stage) => {
      const connection = await silenced(stage);
      await orSkip("dead-server", () => stage.reconnected(connection));
      await stage.until(
        "the end of the old connection, once there is a new one",
        () => connection.closedAtMs,
        { withinMs: 2000 },
      );
    },
  },
  {
    id: "interval-of-hello",
    section: "Hello (0)",
    rule: "A server that sends a heartbeat only every `heartbeat_interval` is alive.",
    hint: "Take the interval from Hello; do not assume a shorter one.",
    realS: 7,
    setting: { connection: { heartbeatIntervalMs: 5000 } },
    run: async (stage) => {
      const connection = await stage.ready();
      stage.runClock();
      await stage.never(
        "the client left a server that sent its heartbeats in time",
        () => connection.closedAtMs !== undefined || stage.wire.attempts.length > 1,
        7000,
      );
      expect(connection.isReady, "the client ended");
    },
  },
];
