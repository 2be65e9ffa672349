/**
 * Keeps the clock of a client under test in step with virtual time. Its test harness connects a WebSocket, is
 * asked to move its clock before virtual time moves, and answers when it has (docs/testing-clients.md, "Two
 * clocks in step").
 *
 * @module
 */

import { z } from "@hono/zod-openapi";
import { problem } from "../../gateway/http/problem.ts";
import type { Clock, Exchange, Logger, Socket } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { Frames } from "../../gateway/session/encode.ts";
import type { MockGateway } from "../gateway/gateway.ts";
import { refusal } from "../gateway/refusal.ts";
import { asFrame, opOf, type TranscriptEntry } from "../gateway/transcript.ts";

export const STEPS_PATH = "/mock/clock/steps";

/**
 * Polls without traffic after which a client has nothing more to do. A poll takes a millisecond, and longer on a
 * machine so busy that clients run late too.
 */
const QUIET_POLLS = 20;
/** A client that never stops sending is not waited for any longer. */
const MAX_POLLS = 1000;

/** Real time that a harness has for one move, in milliseconds. docs/testing-clients.md names it. */
export const MOVE_LIMIT_MS = 10_000;

const MovedSchema = z.strictObject({
  moved_ms: z.int().min(1),
  /** False if nothing was due on the harness's clock. */
  fired: z.boolean().default(true),
});

type Moved = z.infer<typeof MovedSchema>;

export interface ClockStepsOptions {
  readonly gateway: MockGateway;
  /** Real time. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** Lets the runtime read what has arrived. */
  poll(): Promise<void>;
}

/** The harness of one gateway. */
export class ClockSteps {
  readonly #options: ClockStepsOptions;
  #socket: Socket | undefined;
  /** The step that the harness was asked for. */
  #asked: { readonly maxMs: number; readonly answer: (moved: Moved) => void } | undefined;
  /** Requests of clients and backends: those that are not answered yet, and all of them. */
  readonly #requests = { open: 0, total: 0 };
  /** Entries of the transcript, and requests, that were looked at. */
  #seen = { entries: 0, requests: 0 };

  constructor(options: ClockStepsOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** Handles the handshake of a harness. */
  connect(exchange: Exchange): Response {
    if (this.#socket !== undefined) {
      const detail = "Another harness keeps its clock in step.";
      return refusal({ status: 409, code: "harness_connected", title: "Conflict", detail });
    }
    const response = exchange.upgrade({
      opened: (socket) => this.#opened(socket),
      abandoned: () => {},
    });
    return typeof response === "string" ? problem("upgrade_required", response) : response;
  }

  /** Notes that clients may not be at rest, as when an advance begins. */
  stirred(): void {
    this.#requests.total += 1;
  }

  /** Counts a request as traffic until it is answered. */
  async during<T>(answer: () => Promise<T>): Promise<T> {
    this.#requests.open += 1;
    this.#requests.total += 1;
    try {
      return await answer();
    } finally {
      this.#requests.open -= 1;
      this.#requests.total += 1;
    }
  }

  /** Ends the connection of the harness. */
  close(): void {
    if (this.#socket !== undefined) this.#end(this.#socket, 1012, "the world has ended");
  }

  #opened(socket: Socket): void {
    if (this.#socket !== undefined) return socket.close(1008, "another harness was faster");
    this.#socket = socket;
    this.#options.gateway.clock.follow((maxMs) => this.#move(socket, maxMs));
    socket.listen({
      messageReceived: (data) => this.#received(socket, data),
      controlReceived: () => {},
      violated: (code) => this.#expel(socket, code, "the frame is too long, or no WebSocket frame"),
      flushed: () => {},
      closed: () => this.#left(socket),
    });
  }

  /** Ends the connection of a harness that does not do its part. */
  #expel(socket: Socket, code: number, reason: string): void {
    if (this.#socket !== socket) return;
    this.#options.logger.warn("harness closed; time goes on without it", { code, reason });
    this.#end(socket, code, reason);
  }

  /** Does not wait for the harness to answer the close frame. */
  #end(socket: Socket, code: number, reason: string): void {
    socket.close(code, reason);
    this.#left(socket);
  }

  /** Virtual time goes on without the harness. */
  #left(socket: Socket): void {
    // There may be another by now.
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#options.gateway.clock.follow(undefined);
    this.#asked?.answer({ moved_ms: this.#asked.maxMs, fired: false });
  }

  async #move(socket: Socket, maxMs: number): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<Moved>();
    this.#asked = { maxMs, answer: resolve };
    socket.send(new Frames([JSON.stringify({ move_ms: maxMs })]));
    const limit = this.#options.clock.setTimer(MOVE_LIMIT_MS, () => {
      this.#expel(socket, 1008, `no answer to move_ms in ${MOVE_LIMIT_MS / 1000} s`);
    });
    const { moved_ms, fired } = await promise;
    limit.cancel();
    this.#asked = undefined;
    // Also when a request of a client is still on its way.
    if (fired) this.stirred();
    return moved_ms;
  }

  #received(socket: Socket, data: string | Uint8Array): void {
    if (this.#socket !== socket) return;
    const parsed = MovedSchema.safeParse(asFrame(data));
    const { maxMs, answer } = this.#asked ?? {};
    const fault = maxMs === undefined
      ? "no move was asked for"
      : parsed.success && parsed.data.moved_ms <= maxMs
      ? undefined
      : `expected moved_ms, from 1 to ${maxMs}`;
    if (fault === undefined && parsed.success) return answer?.(parsed.data);
    this.#expel(socket, 1008, fault ?? "");
  }

  /** Gives clients time to react to what has happened. Returns whether anything had. */
  async rested(): Promise<boolean> {
    if (this.#socket === undefined || !this.#isEventful()) return false;
    const { gateway, poll } = this.#options;
    const traffic = (): number => gateway.transcript.length + this.#requests.total;
    for (let polls = 0, quiet = 0; quiet < QUIET_POLLS && polls < MAX_POLLS; polls++) {
      const before = traffic();
      await poll();
      quiet = this.#requests.open === 0 && traffic() === before ? quiet + 1 : 0;
    }
    this.#isEventful();
    return true;
  }

  /** True if there were requests, or anything but heartbeats and their ACKs, since the last call. */
  #isEventful(): boolean {
    const { transcript } = this.#options.gateway;
    const { entries, requests } = this.#seen;
    this.#seen = { entries: transcript.length, requests: this.#requests.total };
    return requests !== this.#requests.total ||
      transcript.slice(entries <= transcript.length ? entries : 0)
        .some((entry) => !isHeartbeat(entry));
  }
}

function isHeartbeat(entry: TranscriptEntry): boolean {
  const op = opOf(entry);
  return op === Op.Heartbeat || op === Op.HeartbeatAck;
}
