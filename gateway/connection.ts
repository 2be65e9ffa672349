/**
 * One socket and one session: feeds the reducer what happens, carries out what it asks for, and arms one
 * timer for the session's next deadline.
 *
 * It decides nothing about the protocol; that is `protocol/session.ts`. A bug that comes up while a
 * connection is served closes that connection with 1011 and nothing else.
 *
 * @module
 */

import { Delivery } from "./delivery.ts";
import type { Encoded } from "./encode.ts";
import { OperationalError } from "./errors.ts";
import type { Hub, Member } from "./hub.ts";
import type { Metrics } from "./metrics.ts";
import type { Quiet } from "./quiet.ts";
import { Outbox } from "./outbox.ts";
import type { Clock, Logger, MessageLog, Socket, Timer, TokenVerifier } from "./ports.ts";
import {
  CloseCode,
  decode,
  encode,
  initial,
  nextDeadline,
  opName,
  type Phase,
  type Reduce,
  reduce,
  type SessionEffect,
  type SessionEvent,
  type SessionOptions,
  type SessionState,
} from "./protocol/mod.ts";

/** The longest wait between two tries to cut a connection whose peer does not take what was written. */
const CUT_RETRY_LAST_MS = 60_000;

/** The numbers that a connection works by. */
export interface ConnectionOptions extends SessionOptions {
  /** Longest frame that a client may send, in bytes. */
  readonly maxFrameBytes: number;
  /** Most bytes that may wait for a client to read them. */
  readonly maxBufferedBytes: number;
}

/** What every connection of a gateway works with. */
export interface ConnectionContext {
  /** Both scales of time, and timers. */
  readonly clock: Clock;
  /** Where it says what happens. */
  readonly logger: Logger;
  /** Where it counts. */
  readonly metrics: Metrics;
  /** Says of strangers' faults once what would otherwise fill the log. */
  readonly quiet: Quiet;
  /** Decides on tokens. */
  readonly verifier: TokenVerifier;
  /** Where missed messages are read. */
  readonly log: MessageLog;
  /** Who is ready. */
  readonly hub: Hub<Connection>;
  /** The numbers that it works by. */
  readonly options: ConnectionOptions;
  /** Another reducer than the protocol's, for tests that put a bug in. */
  readonly reduce?: Reduce;
}

/** What makes one connection. */
export interface ConnectionParts {
  /** Names it in the log. */
  readonly id: string;
  /** The peer's address. */
  readonly address: string;
  /** The open socket. */
  readonly socket: Socket;
  /** What all connections share. */
  readonly context: ConnectionContext;
  /** Told when the session goes from one phase to another. */
  readonly phaseChanged: (from: Phase, to: Phase) => void;
  /** Told once, when the socket is gone. */
  readonly gone: () => void;
}

/** An event without its time, which the connection adds. */
export type Happening = SessionEvent extends infer E
  ? E extends SessionEvent ? Omit<E, "at"> : never
  : never;

/** A session on its socket. */
export class Connection implements Member {
  /** Names it in the log. */
  readonly id: string;
  /** The peer's address. */
  readonly address: string;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #parts: ConnectionParts;
  readonly #outbox: Outbox;
  readonly #delivery: Delivery;
  #state: SessionState = initial();
  #events: SessionEvent[] = [];
  #busy = false;
  #timer: Timer | undefined;
  #armedFor: number | undefined;
  #cutRetry: Timer | undefined;
  #cutRetryMs: number;
  #socketClosed = false;
  /** Whether the session is over and its socket could not be cut. */
  #lingering = false;

  /** A connection on an open socket, for which nothing has happened yet. */
  constructor(parts: ConnectionParts) {
    this.id = parts.id;
    this.address = parts.address;
    this.#parts = parts;
    this.#socket = parts.socket;
    this.#context = parts.context;
    this.#cutRetryMs = parts.context.options.closeGraceMs;
    const { socket, context: { clock, hub, log, metrics, options: { maxBufferedBytes } } } = parts;
    this.#outbox = new Outbox({ socket, clock, maxBufferedBytes });
    this.#delivery = new Delivery({
      log,
      metrics,
      maxBufferedBytes,
      position: () => hub.position,
      send: (encoded) => this.#sendMessage(encoded),
      drained: () => this.#outbox.empty(),
    });
  }

  /** What the session is at. */
  get phase(): Phase {
    return this.#state.phase;
  }

  /** The user of a ready session. */
  get user(): string | undefined {
    return this.#state.phase === "ready" ? this.#state.user : undefined;
  }

  /** Bytes that wait for the peer to take them. */
  get unsentBytes(): number {
    return this.#socketClosed ? 0 : this.#outbox.unsentBytes;
  }

  /** Begins the session, or refuses it for want of room. */
  open(how: "opened" | "refused"): void {
    // First, because what has arrived before comes with `listen`.
    this.feed({ type: how });
    this.#socket.listen({
      messageReceived: (data) => this.#messageReceived(data),
      closed: () => this.#closed(),
    });
  }

  /** Feeds the session what happened now. */
  feed(event: Happening): void {
    this.#events.push({ ...event, at: this.#context.clock.steady() } as SessionEvent);
    // Carrying out an effect can make the next thing happen; it waits for its turn.
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        this.#step(next);
      }
    } catch (error) {
      this.#bug(error);
    } finally {
      this.#busy = false;
    }
    this.#arm();
  }

  /** Takes a message that the user may see. */
  deliver(encoded: Encoded): void {
    try {
      this.#delivery.offer(encoded);
    } catch (error) {
      this.#bug(error);
    }
  }

  /** Adds a channel to what is delivered, from now on. */
  enter(channel: string): void {
    if (this.#context.hub.enter(this, channel)) this.#delivery.enter(channel);
  }

  /** Takes a channel from what is delivered. */
  exit(channel: string): void {
    if (this.#context.hub.exit(this, channel)) this.#delivery.exit(channel);
  }

  /** Adds a channel to what is replayed, from after the place `after` on, or takes it away. */
  foresee(
    what: "join" | "leave",
    channel: { readonly name: string; readonly after: number },
  ): void {
    if (what === "join") this.#delivery.enter(channel.name, channel.after);
    else this.#delivery.exit(channel.name);
  }

  #messageReceived(data: string | Uint8Array): void {
    if (this.#state.phase === "closing" || this.#state.phase === "closed") return;
    try {
      const decoded = decode(data, this.#context.options.maxFrameBytes);
      const name = decoded.ok ? opName(decoded.frame.op) : undefined;
      this.#context.metrics.frameIn(name ?? "malformed");
      this.feed({ type: "frameReceived", decoded });
    } catch (error) {
      this.#bug(error);
    }
  }

  #closed(): void {
    this.#socketClosed = true;
    const { metrics } = this.#context;
    if (this.#state.phase !== "closing" && this.#state.phase !== "closed") metrics.closed("peer");
    if (this.#lingering) metrics.lingering(-1);
    this.feed({ type: "closed" });
    this.#outbox.discard();
    this.#cutRetry?.cancel();
    this.#parts.gone();
  }

  #step(event: SessionEvent): void {
    const step = this.#context.reduce ?? reduce;
    const [state, effects] = step(this.#state, event, this.#context.options);
    this.#become(state);
    for (const effect of effects) this.#perform(effect);
  }

  #become(state: SessionState): void {
    const { phase } = this.#state;
    this.#state = state;
    if (state.phase !== phase) this.#parts.phaseChanged(phase, state.phase);
  }

  #perform(effect: SessionEffect): void {
    const { hub, metrics } = this.#context;
    switch (effect.type) {
      case "send": {
        const name = opName(effect.frame.op);
        if (name !== undefined) metrics.frameOut(name, 1);
        const text = encode(effect.frame);
        if (!this.#outbox.push(text, text.length * 3)) this.feed({ type: "overflowed" });
        return;
      }
      case "verifyToken":
        void this.#verify(effect.attempt, effect.token);
        return;
      case "locate":
        void this.#locate(effect);
        return;
      case "join":
        hub.join(this, effect.user, effect.channels);
        void this.#startDelivery(effect.channels);
        return;
      case "leave":
        this.#leave();
        return;
      case "recordRoundTrip":
        metrics.roundTrip(effect.ms);
        return;
      case "close":
        metrics.closed(effect.code);
        this.#context.logger.debug("closing a connection", {
          connection: this.id,
          code: effect.code,
          reason: effect.reason,
        });
        this.#outbox.discard();
        this.#socket.close(effect.code, effect.reason);
        return;
      case "cut":
        this.#cut();
        return;
    }
  }

  async #verify(attempt: number, token: string): Promise<void> {
    const { clock, logger, metrics, quiet, verifier } = this.#context;
    try {
      const verdict = await verifier.verify(token);
      if (!verdict.ok) {
        metrics.identifyRejected();
        if (quiet.allows(verdict.reason)) {
          logger.info("a token was refused", { connection: this.id, reason: verdict.reason });
        }
        return this.feed({ type: "tokenRejected", attempt, reason: verdict.reason });
      }
      const { user, channels } = verdict;
      // The session's deadlines are on the steady scale: what is left of the token's life is not
      // changed by a wall clock that is set later.
      const expiresAt = clock.steady() + (verdict.expiresAt - clock.now());
      this.feed({ type: "tokenVerified", attempt, claims: { user, channels, expiresAt } });
    } catch (error) {
      this.#dependencyLost(attempt, error);
    }
  }

  async #locate(effect: SessionEffect & { readonly type: "locate" }): Promise<void> {
    const { attempt } = effect;
    try {
      await this.#delivery.locate(effect, (place) => {
        this.feed({ type: "located", attempt, ...place });
      });
    } catch (error) {
      this.#dependencyLost(attempt, error);
    }
  }

  async #startDelivery(channels: readonly string[]): Promise<void> {
    try {
      if (await this.#delivery.start(channels) !== "expired") return;
      this.#context.logger.info("retention overtook a replay", { connection: this.id });
    } catch (error) {
      if (!(error instanceof OperationalError)) return this.#bug(error);
      this.#context.logger.warn("a replay broke off", { connection: this.id, error });
    }
    this.feed({ type: "failed" });
  }

  #sendMessage(encoded: Encoded): boolean {
    if (this.#state.phase !== "ready") return false;
    if (!this.#outbox.push(encoded.text, encoded.bytes)) {
      this.feed({ type: "overflowed" });
      return false;
    }
    return true;
  }

  #dependencyLost(attempt: number, error: unknown): void {
    if (!(error instanceof OperationalError)) return this.#bug(error);
    const { logger, quiet } = this.#context;
    if (quiet.allows(error.code)) {
      logger.warn("clients cannot be identified", { connection: this.id, error });
    }
    this.feed({ type: "dependencyLost", attempt });
  }

  /** Contains a bug to this connection (design: a bug is an assertion). */
  #bug(error: unknown): void {
    const { clock, logger, metrics, options } = this.#context;
    metrics.bug();
    logger.error("a bug came up while a connection was served", {
      connection: this.id,
      error: error instanceof Error ? error : new Error(String(error)),
    });
    this.#events = [];
    const state = this.#state;
    if (state.phase === "closed") return;
    // The reducer itself may be what fails, so that it is not asked how to end.
    this.#leave();
    this.#outbox.discard();
    const now = clock.steady();
    if (this.#socketClosed || (state.phase === "closing" && state.cutAt <= now)) {
      this.#become({ phase: "closed" });
      return this.#cut();
    }
    const { code } = CloseCode.InternalError;
    if (state.phase !== "closing") {
      metrics.closed(code);
      this.#become({ phase: "closing", cutAt: now + options.closeGraceMs });
    }
    this.#socket.close(code, "internal error");
    this.#arm();
  }

  #leave(): void {
    this.#context.hub.leave(this);
    this.#delivery.stop();
  }

  /** Ends the connection without the peer; while the runtime cannot, tries again, less and less often. */
  #cut(): void {
    if (this.#socketClosed || this.#socket.cut()) return;
    if (!this.#lingering) {
      this.#lingering = true;
      this.#context.metrics.lingering(1);
    }
    this.#cutRetry = this.#context.clock.setTimer(this.#cutRetryMs, () => this.#cut());
    this.#cutRetryMs = Math.min(this.#cutRetryMs * 2, CUT_RETRY_LAST_MS);
  }

  #arm(): void {
    const deadline = this.#socketClosed ? undefined : nextDeadline(this.#state);
    if (deadline === this.#armedFor) return;
    this.#timer?.cancel();
    this.#armedFor = deadline;
    this.#timer = undefined;
    if (deadline === undefined || deadline === Infinity) return;
    const delayMs = Math.max(0, deadline - this.#context.clock.steady());
    this.#timer = this.#context.clock.setTimer(delayMs, () => {
      this.#armedFor = undefined;
      this.feed({ type: "ticked" });
    });
  }
}
