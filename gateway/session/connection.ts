/**
 * One socket and one session: feeds the reducer what happens, carries out what it asks for, and arms one
 * timer for the session's next deadline.
 *
 * It decides nothing about the protocol; that is `protocol/session.ts`. A bug that comes up while a
 * connection is served closes that connection with 1011 and nothing else.
 *
 * @module
 */

import type { Permit } from "../admission.ts";
import { Delivery, type Recipient } from "./delivery.ts";
import { encodeFrame, type Run } from "./encode.ts";
import { OperationalError } from "../errors.ts";
import type { ConnectionContext } from "./connection_context.ts";
import type { Member } from "../hub.ts";
import { Outbox } from "./outbox.ts";
import type { Socket, SocketListener, Timer, UserCommand } from "../ports.ts";
import {
  CloseCode,
  decode,
  initial,
  nextDeadline,
  opName,
  type Phase,
  reduce,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
  type ViolationCode,
} from "../protocol/mod.ts";
import { Terminator } from "./terminator.ts";

/** What makes one connection. */
export interface ConnectionDeps {
  /** Names it in the log. */
  readonly id: string;
  /** The peer's address. */
  readonly address: string;
  /** The open socket. */
  readonly socket: Socket;
  /** Its place among the connections that are counted. */
  readonly permit: Permit;
  /** What all connections share. */
  readonly context: ConnectionContext<Connection>;
}

/** An event without its time, which the connection adds. */
export type SessionInput = SessionEvent extends infer E
  ? E extends SessionEvent ? Omit<E, "at"> : never
  : never;

/** Closes for which the next connections of the address may have to wait, refused tokens aside. */
const FAULTS: ReadonlySet<number> = new Set([
  CloseCode.ProtocolError.code,
  CloseCode.InvalidText.code,
  CloseCode.TooManyFragments.code,
  CloseCode.MessageTooBig.code,
  CloseCode.Malformed.code,
  CloseCode.RateLimited.code,
]);

/** A session on its socket. */
export class Connection implements Member, Recipient, SocketListener {
  /** Names it in the log. */
  readonly id: string;
  /** The peer's address. */
  readonly address: string;
  /** For the hub. */
  servedInTurn = 0;
  readonly #socket: Socket;
  readonly #context: ConnectionContext<Connection>;
  readonly #permit: Permit;
  readonly #outbox: Outbox;
  readonly #delivery: Delivery;
  #state: SessionState = initial();
  /** What happened while something else was being dealt with. */
  #events: SessionEvent[] | undefined;
  #busy = false;
  #timer: Timer | undefined;
  #armedFor: number | undefined;
  #terminator: Terminator | undefined;
  #socketClosed = false;

  /** A connection on an open socket, for which nothing has happened yet. */
  constructor({ id, address, socket, permit, context }: ConnectionDeps) {
    this.id = id;
    this.address = address;
    this.#socket = socket;
    this.#context = context;
    this.#permit = permit;
    this.#outbox = new Outbox(socket, context.options.maxBufferedBytes);
    this.#delivery = new Delivery(context, this);
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
    this.#socket.listen(this);
  }

  /** Feeds the session what happened now. */
  feed(event: SessionInput): void {
    const timed = { ...event, at: this.#context.clock.steady() } as SessionEvent;
    // Carrying out an effect can make the next thing happen; it waits for its turn.
    if (this.#busy) {
      this.#events ??= [];
      this.#events.push(timed);
      return;
    }
    this.#busy = true;
    try {
      let next: SessionEvent | undefined = timed;
      while (next !== undefined) {
        this.#step(next);
        next = this.#events?.shift();
      }
      this.#events = undefined;
    } catch (error) {
      this.#bug(error);
    } finally {
      this.#busy = false;
    }
    this.#arm();
  }

  /** Takes messages that the user may see. */
  deliver(run: Run): void {
    try {
      this.#delivery.offer(run);
    } catch (error) {
      this.#bug(error);
    }
  }

  /** Executes `command` on live delivery. Returns whether that closed the connection. */
  execute(command: UserCommand): boolean {
    const { hub } = this.#context;
    switch (command.do) {
      case "join":
        hub.subscribe(this, command.channel);
        return false;
      case "leave":
        hub.unsubscribe(this, command.channel);
        return false;
      case "disconnect": {
        const ready = this.phase === "ready";
        if (ready) this.feed({ type: "disconnected" });
        return ready;
      }
    }
  }

  /** Executes `command`, which comes after the message `sequence`, on a replay if there is one. */
  executeInReplay(command: UserCommand, sequence: number): void {
    this.#delivery.executeInReplay(command, sequence);
  }

  /** Sends messages. Returns whether they were taken. */
  sendRun(run: Run): boolean {
    if (this.#state.phase !== "ready") return false;
    if (this.#outbox.push(run.frames)) return true;
    this.feed({ type: "overflowed" });
    return false;
  }

  /** Resolves once the peer has taken everything, or is gone. */
  whenSent(): Promise<void> {
    return this.#outbox.empty();
  }

  /** Decodes a message of the peer, unless the session is over. */
  messageReceived(data: string | Uint8Array): void {
    if (this.#over) return;
    try {
      const decoded = decode(data, this.#context.options.maxFrameBytes);
      const name = decoded.ok ? opName(decoded.frame.op) : undefined;
      this.#context.metrics.frameIn(name ?? "malformed");
      this.feed({ type: "frameReceived", decoded });
    } catch (error) {
      this.#bug(error);
    }
  }

  /** Counts a ping or pong of the peer against its limit of frames. */
  controlReceived(): void {
    if (this.#over) return;
    this.#context.metrics.frameIn("control");
    this.feed({ type: "controlReceived" });
  }

  /** Ends the session with the code that the transport has sent, or is about to. */
  violated(code: ViolationCode): void {
    this.feed({ type: "violated", code });
  }

  /** Hands the runtime what waits. */
  flushed(): void {
    try {
      this.#outbox.flushed();
    } catch (error) {
      this.#bug(error);
    }
  }

  /** The socket is gone: the session is over, whatever it was at. */
  closed(): void {
    this.#socketClosed = true;
    const { metrics } = this.#context;
    if (!this.#over) metrics.closed("peer");
    this.#terminator?.closed();
    this.feed({ type: "closed" });
    this.#outbox.discard();
    this.#permit.release();
    this.#context.gone(this);
  }

  get #over(): boolean {
    return this.#state.phase === "closing" || this.#state.phase === "closed";
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
    if (state.phase === phase) return;
    this.#context.metrics.phaseChanged(phase, state.phase);
    if (state.phase === "ready") this.#permit.identified();
  }

  #perform(effect: SessionEffect): void {
    const { hub, metrics } = this.#context;
    switch (effect.type) {
      case "send": {
        const name = opName(effect.frame.op);
        if (name !== undefined) metrics.frameOut(name);
        if (!this.#outbox.push(encodeFrame(effect.frame))) this.feed({ type: "overflowed" });
        return;
      }
      case "verifyToken":
        void this.#verify(effect.attempt, effect.token);
        return;
      case "locate":
        void this.#locate(effect);
        return;
      case "join":
        hub.register(this, effect.user, effect.channels);
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
        if (FAULTS.has(effect.code)) this.#permit.atFault();
        this.#context.logger.debug("closing a connection", {
          connection: this.id,
          code: effect.code,
          reason: effect.reason,
        });
        this.#outbox.discard();
        this.#socket.close(effect.code, effect.reason);
        return;
      case "terminate":
        this.#terminate();
        return;
    }
  }

  async #verify(attempt: number, token: string): Promise<void> {
    const { clock, logger, metrics, logThrottle, verifier } = this.#context;
    try {
      const verdict = await verifier.verify(token);
      if (!verdict.ok) {
        metrics.identifyRejected(verdict.refusal);
        this.#permit.atFault();
        if (logThrottle.shouldLog(verdict.reason)) {
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
      this.#dependencyFailed(attempt, error);
    }
  }

  async #locate(effect: SessionEffect & { readonly type: "locate" }): Promise<void> {
    const { attempt } = effect;
    try {
      await this.#delivery.locate(effect, (place) => {
        this.feed({ type: "located", attempt, ...place });
      });
    } catch (error) {
      this.#dependencyFailed(attempt, error);
    }
  }

  async #startDelivery(channels: readonly string[]): Promise<void> {
    try {
      if (await this.#delivery.start(channels) !== "expired") return;
      this.#context.logger.info("retention overtook a replay", { connection: this.id });
    } catch (error) {
      if (!(error instanceof OperationalError)) return this.#bug(error);
      this.#context.logger.warn("replay failed", { connection: this.id, error });
    }
    this.feed({ type: "failed" });
  }

  #dependencyFailed(attempt: number, error: unknown): void {
    if (!(error instanceof OperationalError)) return this.#bug(error);
    const { logger, logThrottle } = this.#context;
    if (logThrottle.shouldLog(error.code)) {
      logger.warn("clients cannot be identified", { connection: this.id, error });
    }
    this.feed({ type: "dependencyFailed", attempt });
  }

  /** Contains a bug to this connection (design: a bug is an assertion). */
  #bug(error: unknown): void {
    const { clock, logger, metrics, options } = this.#context;
    metrics.bug();
    logger.error("unhandled error while a connection was served", {
      connection: this.id,
      error: error instanceof Error ? error : new Error(String(error)),
    });
    this.#events = undefined;
    const state = this.#state;
    if (state.phase === "closed") return;
    // The reducer itself may be what fails, so that it is not asked how to end.
    this.#leave();
    this.#outbox.discard();
    const now = clock.steady();
    if (this.#socketClosed || (state.phase === "closing" && state.cutAt <= now)) {
      this.#become({ phase: "closed" });
      return this.#terminate();
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
    this.#context.hub.remove(this);
    this.#delivery.stop();
  }

  #terminate(): void {
    if (this.#socketClosed) return;
    const { clock, metrics, options: { closeGraceMs } } = this.#context;
    this.#terminator ??= new Terminator(this.#socket, { clock, metrics, retryMs: closeGraceMs });
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
