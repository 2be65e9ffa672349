/**
 * Replays a recording: plays the gateway's part to a client under test, on virtual time, and judges what the
 * client does now; and compares the gateway's part with the session reducer.
 *
 * @module
 */

import type { Clock, Json, Socket } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { Frames } from "../../gateway/session/encode.ts";
import { type BrokenClientRule, ClientCheck } from "../chaos/client_check.ts";
import { fieldOf } from "../gateway/fault_rules.ts";
import { PendingTasks } from "../gateway/pending_tasks.ts";
import { asFrame, Transcript, type TranscriptEntry } from "../gateway/transcript.ts";
import { VirtualClock } from "../gateway/virtual_clock.ts";
import { createWebSocketClass, type WebSocketConstructor } from "../gateway/web_socket.ts";
import { checkGateway, type GatewayDeviation } from "./gateway_check.ts";
import { asTranscript, type Recording } from "./recording.ts";

/** Time after the recording for the client's last reactions, in milliseconds. */
const AFTERWARDS_MS = 120_000;

/** The verdict of a {@linkcode Replay}. */
export interface ReplayOutcome {
  /** The first rule that the client broke this time. */
  readonly broken: BrokenClientRule | undefined;
  /** The connections of this time. */
  readonly transcript: readonly TranscriptEntry[];
}

/**
 * A recording of a client's connections, in production or in a test.
 *
 * @example Keep a bug of a client from coming back
 * ```ts
 * import assert from "node:assert/strict";
 * import { GatewayClient } from "@emagine/gateway/client";
 * import { createMockGateway, Replay } from "@emagine/gateway/mock";
 *
 * // In production, save the events `log` of the client. Here, a transcript of the mock gateway.
 * await using gateway = await createMockGateway();
 * const { WebSocket, wsUrl, clock } = gateway;
 * const getToken = () => gateway.token();
 * const recorded = new GatewayClient({ url: wsUrl, WebSocket, clock, getToken });
 * await gateway.settled();
 * await gateway.close("all", { code: 1012 });
 * await gateway.advance(60_000);
 * await recorded.close();
 *
 * const replay = new Replay(gateway.transcript);
 * assert.equal(replay.recorded.gateway, undefined);
 * assert.equal(replay.recorded.client, undefined);
 * await using client = new GatewayClient({
 *   url: replay.wsUrl,
 *   WebSocket: replay.WebSocket,
 *   clock: replay.clock,
 *   getToken: () => "any",
 * });
 * assert.equal((await replay.run()).broken, undefined);
 * ```
 */
export class Replay {
  /** For the client under test. It starts at the time of the recording. */
  readonly clock: VirtualClock;
  /** Connects to the recorded gateway. */
  readonly WebSocket: WebSocketConstructor;
  /** The URL for {@linkcode WebSocket}. */
  readonly wsUrl = "ws://replay.emagine.invalid/gateway";
  /** The first fault of the recorded client by the rules, and of the recorded gateway by the reducer. */
  readonly recorded: {
    readonly client: BrokenClientRule | undefined;
    readonly gateway: GatewayDeviation | undefined;
  };

  readonly #endMs: number;
  readonly #transcript: Transcript;

  /** Reads a recording: a transcript, or events `log` of the client library. */
  constructor(recording: Recording) {
    const entries = asTranscript(recording);
    const startMs = entries[0]?.at ?? 0;
    this.#endMs = (entries.at(-1)?.at ?? 0) + AFTERWARDS_MS;
    const tasks = new PendingTasks();
    const clock: VirtualClock = new VirtualClock({ startMs, pending: () => tasks.pending() });
    const transcript = new Transcript(clock);
    const scripts = [...new Set(entries.map(({ connection }) => connection))].map((id) =>
      entries.filter(({ connection }) => connection === id)
    );
    let count = 0;
    this.WebSocket = createWebSocketClass({
      post: (task) => tasks.post(task),
      connect: () => {
        const script = scripts.shift();
        if (script === undefined) return undefined;
        const id = `c${++count}`;
        return { accept: (socket) => play({ id, socket, script, clock, transcript }) };
      },
    });
    this.clock = clock;
    this.#transcript = transcript;
    this.recorded = { client: judge(entries), gateway: checkGateway(entries) };
  }

  /** Lets all of the recording pass, and judges the client. */
  async run(): Promise<ReplayOutcome> {
    await this.clock.advance(Math.max(0, this.#endMs - this.clock.now()));
    const transcript = this.#transcript.entries;
    return { broken: judge(transcript), transcript };
  }
}

function judge(entries: readonly TranscriptEntry[]): BrokenClientRule | undefined {
  const check = new ClientCheck();
  for (const entry of entries) check.read(entry);
  return check.broken;
}

interface Part {
  readonly id: string;
  readonly socket: Socket;
  /** The entries of one recorded connection. */
  readonly script: readonly TranscriptEntry[];
  readonly clock: Clock;
  readonly transcript: Transcript;
}

/** Plays the gateway's part of one connection, at the recorded times after its start. */
function play({ id, socket, script, clock, transcript }: Part): void {
  const openedAt = script[0]?.at ?? 0;
  /** Times of the client's heartbeats that have no ACK yet. */
  const unanswered: Json[] = [];
  let isGone = false;
  const timers = script.flatMap((entry) => {
    const delayMs = Math.max(0, entry.at - openedAt);
    const act = (run: () => void) => [clock.setTimer(delayMs, () => isGone || run())];
    if (entry.event === "sent") return act(() => send(entry.frame));
    if (entry.event === "terminated") return act(() => void socket.terminate());
    if (entry.event !== "close_sent") return [];
    return act(() => {
      transcript.add(id, { event: "close_sent", code: entry.code, reason: entry.reason });
      socket.close(entry.code, entry.reason);
    });
  });
  const send = (recorded: Json): void => {
    const isAck = fieldOf(recorded, "op") === Op.HeartbeatAck;
    // This time, the client's heartbeats have other times.
    const frame = isAck ? { op: Op.HeartbeatAck, time: unanswered.shift() ?? null } : recorded;
    transcript.add(id, { event: "sent", frame });
    socket.send(new Frames([typeof frame === "string" ? frame : JSON.stringify(frame)]));
  };
  transcript.add(id, { event: "opened", address: "" });
  socket.listen({
    messageReceived: (data) => {
      const frame = asFrame(data);
      if (fieldOf(frame, "op") === Op.Heartbeat) unanswered.push(fieldOf(frame, "time") ?? null);
      transcript.add(id, { event: "received", frame });
    },
    controlReceived: () => {},
    violated: () => {},
    flushed: () => {},
    closed: () => {
      isGone = true;
      for (const timer of timers) timer.cancel();
      transcript.add(id, { event: "gone" });
    },
  });
}
