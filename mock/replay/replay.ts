/**
 * Replays a recording to a client in the same process.
 *
 * @module
 */

import { sessionOptions } from "../../gateway/config/session_options.ts";
import { fakeTimers } from "../gateway/fake_timers.ts";
import { IN_PROCESS_ADDRESS, Links } from "../gateway/links.ts";
import { PendingTasks } from "../gateway/pending_tasks.ts";
import { Transcript } from "../gateway/transcript.ts";
import { VirtualClock } from "../gateway/virtual_clock.ts";
import { createWebSocketClass, type WebSocketConstructor } from "../gateway/web_socket.ts";
import { Player, type RecordedVerdict, type ReplayOutcome } from "./player.ts";
import { asTranscript, faultOf, type Recording } from "./recording.ts";

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
  /** The faults that the recording shows, by itself. */
  readonly recorded: RecordedVerdict;
  readonly #player: Player;

  /** Reads a recording: a transcript, or events `log` of the client library. */
  constructor(recording: Recording) {
    const entries = asTranscript(recording);
    const fault = faultOf(entries);
    if (fault !== undefined) throw new TypeError(`Replay: the recording ${fault}`);
    const tasks = new PendingTasks();
    const clock: VirtualClock = new VirtualClock({
      startMs: entries[0]?.at ?? 0,
      pending: () => tasks.pending(),
      following: (isMoving) => links.holdReceived(isMoving),
      follower: fakeTimers,
    });
    const transcript = new Transcript(clock);
    const links: Links = new Links({ clock, transcript, ...sessionOptions() });
    const player = new Player(entries, { clock, links, transcript, ...sessionOptions() });
    this.clock = clock;
    this.WebSocket = createWebSocketClass({
      post: (task) => tasks.postAfter(clock.arrival, task),
      connect: () => player.next(IN_PROCESS_ADDRESS),
    });
    this.recorded = player.recorded;
    this.#player = player;
  }

  /** Lets all of the recording pass, and judges the client. */
  run(): Promise<ReplayOutcome> {
    return this.#player.run();
  }
}
