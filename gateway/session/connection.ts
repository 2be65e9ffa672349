/**
 * Runs one session on one socket: passes events to the reducer, performs its effects, and arms one timer for the
 * next deadline.
 *
 * It decides nothing about the protocol; `protocol/session.ts` does. A bug closes its connection with 1011 and no
 * other.
 *
 * @module
 */

import { FAULTS, type Permit } from "../admission.ts";
import { Delivery, type Recipient } from "./delivery.ts";
import { encodeFrame, type Run } from "./encode.ts";
import { OperationalError } from "../errors.ts";
import type { ConnectionContext } from "./connection_context.ts";
import type { Member } from "../hub/hub.ts";
import { Outbox } from "./outbox.ts";
import type { OrderedCommand, Outgoing, Socket, SocketListener, Timer } from "../ports.ts";
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
  type SessionInput,
  type SessionState,
  type ViolationCode,
} from "../protocol/mod.ts";
import { toError } from "../util.ts";
import { Terminator } from "./terminator.ts";
import { type Asker, dependencyFailed, unlessRevoked, verifyToken } from "./verify.ts";

export interface ConnectionDeps {
  /** Identifies the connection in the log. */
  readonly id: string;
  readonly address: string;
  /** Open. */
  readonly socket: Socket;
  readonly permit: Permit;
  readonly context: ConnectionContext<Connection>;
}

export class Connection implements Member, Recipient, SocketListener {
  readonly id: string;
  readonly address: string;
  servedInTurn = 0;
  /** Of the last answered heartbeat. */
  roundTripMs: number | null = null;
  /** Steady time of its first Ready; 0 before. */
  readySince = 0;
  wantsSignals = false;
  readonly #socket: Socket;
  readonly #context: ConnectionContext<Connection>;
  readonly #permit: Permit;
  readonly #outbox: Outbox;
  readonly #delivery: Delivery;
  #state: SessionState = initial();
  /** Events that arrived while another was processed. */
  #events: SessionEvent[] | undefined;
  #busy = false;
  #timer: Timer | undefined;
  #armedFor: number | undefined;
  #terminator: Terminator | undefined;
  #socketClosed = false;

  constructor({ id, address, socket, permit, context }: ConnectionDeps) {
    this.id = id;
    this.address = address;
    this.#socket = socket;
    this.#context = context;
    this.#permit = permit;
    this.#outbox = new Outbox(socket, context.options.maxBufferedBytes);
    this.#delivery = new Delivery(context, this);
  }

  get phase(): Phase {
    return this.#state.phase;
  }

  /** `undefined` unless the session is ready. */
  get user(): string | undefined {
    return this.#state.phase === "ready" ? this.#state.user : undefined;
  }

  /** Queued bytes and those that the runtime holds; 0 once the socket is closed. */
  get unsentBytes(): number {
    return this.#socketClosed ? 0 : this.#outbox.unsentBytes;
  }

  /** How far delivery has come. Between runs of the hub, this connection has what it says. */
  get progress(): Delivery["progress"] {
    return this.#delivery.progress;
  }

  /** Starts the session, or closes it because a limit on connections is reached. */
  open(how: "opened" | "refused"): void {
    // First, because `listen` passes on what has arrived already.
    this.feed({ type: how });
    this.#socket.listen(this);
  }

  /** Passes an event to the reducer and performs the effects. */
  feed(event: SessionInput): void {
    const timed = { ...event, at: this.#context.clock.steady() } as SessionEvent;
    // An effect can cause another event, which waits for this one.
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

  deliver(run: Run): void {
    try {
      const live = this.#delivery.offer(run);
      if (live !== undefined && this.sendRun(live)) {
        this.#context.metrics.delivered(live.messages.length);
      }
    } catch (error) {
      this.#bug(error);
    }
  }

  /** First to be dropped: for a peer that does not keep up, and while a replay sends what came before. */
  deliverSignals(frames: Outgoing): void {
    const { metrics } = this.#context;
    const count = frames.texts.length;
    try {
      const isOpen = this.#state.phase === "ready" && !this.#delivery.isReplaying;
      if (isOpen && this.#outbox.offer(frames)) metrics.frameOut("Signal", count);
      else metrics.signalsDropped("slow_reader", count);
    } catch (error) {
      this.#bug(error);
    }
  }

  /** Executes `command` on live delivery. Returns whether it closed the connection. */
  execute(command: OrderedCommand): boolean {
    const { hub } = this.#context;
    this.#delivery.executed(command);
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

  /** Closes the connection if its token is one of those. Returns whether it did. */
  revoke(tokens: SessionInput & { readonly type: "revoked" }): boolean {
    if (this.#over) return false;
    this.feed(tokens);
    return this.#over;
  }

  /** Executes `command`, which follows the message `sequence`, on a replay in progress. */
  executeInReplay(command: OrderedCommand, sequence: number): void {
    this.#delivery.executeInReplay(command, sequence);
  }

  sendRun(run: Run): boolean {
    if (this.#outbox.push(run.frames)) return true;
    this.feed({ type: "overflowed" });
    return false;
  }

  whenSent(): Promise<void> {
    return this.#outbox.empty();
  }

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

  /** Counts the ping or pong against the limit of frames. */
  controlReceived(): void {
    if (this.#over) return;
    this.#context.metrics.frameIn("control");
    this.feed({ type: "controlReceived" });
  }

  violated(code: ViolationCode): void {
    this.feed({ type: "violated", code });
  }

  flushed(): void {
    try {
      this.#outbox.flushed();
    } catch (error) {
      this.#bug(error);
    }
  }

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
    if (state.phase !== "ready") return;
    this.readySince = this.#context.clock.steady();
    this.#permit.identified();
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
        void this.#verify(effect);
        return;
      case "locate":
        void this.#locate(effect);
        return;
      case "subscribe":
        this.wantsSignals = effect.signals;
        hub.register(this, effect.user, effect.channels);
        void this.#startDelivery(effect.channels);
        this.#context.ready(effect.user);
        return;
      case "unsubscribe":
        this.#stopDelivery();
        return;
      case "recordRoundTrip":
        this.roundTripMs = effect.ms;
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

  async #verify(effect: SessionEffect & { readonly type: "verifyToken" }): Promise<void> {
    try {
      this.feed(unlessRevoked(await verifyToken(effect, this.#asker), this.#asker));
    } catch (error) {
      this.#bug(error);
    }
  }

  async #locate(effect: SessionEffect & { readonly type: "locate" }): Promise<void> {
    const { attempt } = effect;
    try {
      await this.#delivery.resolveStart(effect, (start) => {
        this.feed({ type: "located", attempt, ...start });
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

  get #asker(): Asker {
    return { connection: this.id, permit: this.#permit, context: this.#context };
  }

  #dependencyFailed(attempt: number, error: unknown): void {
    if (!(error instanceof OperationalError)) return this.#bug(error);
    this.feed(dependencyFailed(attempt, error, this.#asker));
  }

  /** Closes this connection with 1011. */
  #bug(error: unknown): void {
    const { clock, logger, metrics, options } = this.#context;
    metrics.bug();
    logger.error("unhandled error while a connection was served", {
      connection: this.id,
      error: toError(error),
    });
    this.#events = undefined;
    const state = this.#state;
    if (state.phase === "closed") return;
    // Not by the reducer, which may have the bug.
    this.#stopDelivery();
    this.#outbox.discard();
    const now = clock.steady();
    if (this.#socketClosed || (state.phase === "closing" && state.terminateAt <= now)) {
      this.#become({ phase: "closed" });
      return this.#terminate();
    }
    const { code } = CloseCode.InternalError;
    if (state.phase !== "closing") {
      metrics.closed(code);
      this.#become({ phase: "closing", terminateAt: now + options.closeGraceMs });
    }
    this.#socket.close(code, "internal error");
    this.#arm();
  }

  #stopDelivery(): void {
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
