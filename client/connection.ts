/**
 * One connection of the client: answers heartbeats, sends its own to detect a dead connection, and passes the
 * session's frames on (docs/protocol.md, "Heartbeats"). It does not reconnect and stores no token.
 *
 * @module
 */

import { ABNORMAL, CloseCode, Op } from "../gateway/protocol/codes.ts";
import type {
  ClientFrame,
  Identify,
  MessageFrame,
  Ready,
  SignalFrame,
} from "../gateway/protocol/frame_types.ts";
import { decodeServerFrame, parseFrame } from "./frames.ts";
import { SLEPT_MS } from "./sleep.ts";
import type {
  ClientClock,
  ClientSocket,
  ClientSocketConstructor,
  ClientTimer,
  LogEvent,
} from "./types.ts";

export interface ConnectionDeps {
  readonly url: string;
  readonly WebSocket: ClientSocketConstructor;
  readonly clock: ClientClock;
  /** The limit for Ready, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** The code and reason of the end of a connection; 1006 without a close frame. */
export interface End {
  readonly code: number;
  readonly reason: string;
}

export interface ConnectionListener {
  /** Called when the socket is open and the client may identify. */
  opened(): void;
  ready(frame: Ready): void;
  published(frame: MessageFrame | SignalFrame): void;
  /** Called with the time that the ACK of a heartbeat took. */
  roundTrip(ms: number): void;
  log(event: LogEvent): void;
  /** Called last and once, unless {@linkcode Connection.drop} was called. */
  ended(end: End): void;
}

/** `WebSocket.OPEN`. */
const OPEN = 1;
/** The time that the gateway has to answer the close frame. */
const CLOSE_GRACE_MS = 1000;
/** The limit for an ACK after a sleep, or when the network may have changed. */
const PROBE_MS = 5000;
/** The minimum between a heartbeat and a probe, because the gateway limits frames. */
const MIN_MS = 1000;
/** The minimum between heartbeats, for gateways with an interval for tests. */
const MIN_INTERVAL_MS = 2000;
/** The maximum between heartbeats, so that a dead connection is always detected. */
const MAX_INTERVAL_MS = 3_600_000;

/** A heartbeat without an ACK. */
interface OutstandingHeartbeat {
  readonly time: number;
  readonly sentAt: number;
  /** True if its limit is shorter than usual. */
  readonly isProbe: boolean;
}

export class Connection {
  /** True once Ready has arrived. */
  isReady = false;
  /** True once an Identify on this connection has asked for signals. */
  wantsSignals = false;
  readonly #clock: ClientClock;
  readonly #listener: ConnectionListener;
  readonly #socket: ClientSocket;
  /** The gateway's, once Hello has arrived. */
  #intervalMs = MIN_INTERVAL_MS;
  #timer: ClientTimer | undefined;
  #dueAt = 0;
  #outstanding: OutstandingHeartbeat | undefined;
  /** The `time` of the last heartbeat. */
  #lastTime = -1;
  #lastSentAt = -Infinity;
  #messagesSinceHeartbeat = false;
  /** The platform's description of a failure, if it gives one. */
  #fault = "";
  #over = false;

  /** Starts to connect. @throws exceptions of the constructor of the WebSocket */
  constructor(deps: ConnectionDeps, listener: ConnectionListener) {
    this.#clock = deps.clock;
    this.#listener = listener;
    this.#socket = new deps.WebSocket(deps.url);
    let hasOpened = false;
    this.#socket.onopen = () => {
      hasOpened = true;
      listener.opened();
    };
    this.#socket.onmessage = ({ data }: { readonly data: unknown }) => this.#received(data);
    // Deno reports 0 where the standard requires 1006.
    this.#socket.onclose = ({ code, reason }: End) =>
      this.#end({ code: code || ABNORMAL, reason: reason || this.#fault });
    this.#socket.onerror = ({ message }: { readonly message?: unknown }) => {
      if (this.#over) return;
      this.#fault = typeof message === "string" ? message : "";
      const end = (): void =>
        this.#end({ code: ABNORMAL, reason: this.#fault }, { code: 1000, reason: "" });
      // Node 22, and Chromium under a CSP, emit no close event if a socket could not be opened. For one that
      // was open, the close event brings the code, even if a network reset is reported before it.
      if (hasOpened) this.#arm(MIN_MS, end);
      else end();
    };
    this.#armReady(deps.connectTimeoutMs);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === OPEN;
  }

  /** Without `last_id`, the session starts at the newest message. */
  identify({ token, ...rest }: Omit<Identify, "op">): void {
    this.wantsSignals ||= rest.signals === true;
    this.#send({ op: Op.Identify, token, ...rest }, { op: Op.Identify, ...rest });
  }

  /** Checks that the connection is alive: requires an ACK, or Ready before that, within a short limit. */
  check(): void {
    if (this.#over) return;
    const now = this.#clock.steady();
    if (!this.isReady) {
      if (this.#dueAt - now > PROBE_MS) this.#armReady(PROBE_MS);
      return;
    }
    // Repeated checks must not extend the deadline of a probe.
    if (this.#outstanding?.isProbe) return;
    const tooSoonMs = this.#lastSentAt + MIN_MS - now;
    if (tooSoonMs > 0) return this.#arm(tooSoonMs, () => this.check());
    this.#sendHeartbeat(Math.min(PROBE_MS, this.#intervalMs), true);
  }

  /**
   * Closes the connection without further calls of the listener. Resolves when the gateway has answered, or
   * after a second.
   */
  drop(reason: string): Promise<void> {
    return new Promise((resolve) => {
      this.#release(() => {
        this.#timer?.cancel();
        resolve();
      });
      this.#arm(CLOSE_GRACE_MS, resolve);
      this.#close({ code: 1000, reason });
    });
  }

  #received(data: unknown): void {
    const value = parseFrame(data);
    this.#listener.log({ event: "received", frame: value ?? `${data}` });
    const frame = decodeServerFrame(value);
    if (frame === undefined || this.#over) return;
    if ("fault" in frame) return this.#protocolError(frame.fault);
    switch (frame.op) {
      case Op.Hello:
        this.#intervalMs = Math.min(
          Math.max(frame.heartbeat_interval, MIN_INTERVAL_MS),
          MAX_INTERVAL_MS,
        );
        return;
      case Op.Ready:
        return this.#onReady(frame);
      case Op.Message:
      case Op.Signal:
        this.#messagesSinceHeartbeat = true;
        if (!this.isReady) return this.#protocolError("a Message before Ready");
        return this.#listener.published(frame);
      case Op.Heartbeat:
        return this.#send({ op: Op.HeartbeatAck, time: frame.time });
      case Op.HeartbeatAck:
        return this.#acknowledged(frame.time);
    }
  }

  /** Heartbeats start here: an earlier one might cross the close frame of a refusal. */
  #onReady(frame: Ready): void {
    const isFirst = !this.isReady;
    this.isReady = true;
    this.#listener.ready(frame);
    if (isFirst && !this.#over) this.#sendHeartbeat(this.#intervalMs);
  }

  #sendHeartbeat(timeoutMs: number, isProbe = false): void {
    const sentAt = this.#clock.steady();
    // Unique, so that an ACK matches one heartbeat.
    const time = Math.max(Math.floor(this.#clock.now()), this.#lastTime + 1);
    this.#lastTime = time;
    this.#lastSentAt = sentAt;
    this.#outstanding = { time, sentAt, isProbe };
    this.#messagesSinceHeartbeat = false;
    this.#arm(timeoutMs, () => this.#heartbeatDue(timeoutMs));
    this.#send({ op: Op.Heartbeat, time });
  }

  #acknowledged(time: number): void {
    if (this.#outstanding?.time !== time) return;
    const { sentAt } = this.#outstanding;
    this.#outstanding = undefined;
    const tookMs = this.#clock.steady() - sentAt;
    // The next one is due an interval after this one was sent, also after a probe.
    const delayMs = Math.max(0, this.#intervalMs - tookMs);
    this.#arm(delayMs, () => this.#heartbeatDue(this.#intervalMs));
    this.#listener.roundTrip(tookMs);
  }

  #heartbeatDue(timeoutMs: number): void {
    // After a sleep, frames may be unread and the connection may be dead: probe it. Not twice, because a hidden
    // page's timers are always late.
    const slept = this.#clock.steady() - this.#dueAt > SLEPT_MS;
    if (slept && !this.#outstanding?.isProbe) return this.check();
    if (this.#outstanding === undefined) return this.#sendHeartbeat(this.#intervalMs);
    // The ACK queues behind messages, so as long as they arrive, the connection is alive.
    if (this.#messagesSinceHeartbeat) {
      this.#messagesSinceHeartbeat = false;
      return this.#arm(timeoutMs, () => this.#heartbeatDue(timeoutMs));
    }
    this.#lost(`no answer to a heartbeat within ${timeoutMs} ms`);
  }

  /** Something between is not the gateway, which may be temporary. */
  #protocolError(fault: string): void {
    this.#lost(`not a frame of the gateway: ${fault}`, CloseCode.Malformed.code);
  }

  #lost(reason: string, closeCode = 1000): void {
    this.#end({ code: ABNORMAL, reason }, { code: closeCode, reason });
  }

  /** Ends the connection, once. `close` closes a socket that has not ended, or may not have. */
  #end(end: End, close?: End): void {
    if (this.#over) return;
    this.#release(() => {});
    if (close !== undefined) this.#close(close);
    this.#listener.ended(end);
  }

  /** Stops listening to the socket, except for its end, by either event. */
  #release(closed: () => void): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#socket.onopen = this.#socket.onmessage = null;
    this.#socket.onclose = this.#socket.onerror = closed;
  }

  /** `shown` is the frame for the log, which has no token. */
  #send(frame: ClientFrame, shown: object = frame): void {
    // Browsers warn about sending on a closing socket.
    if (!this.isOpen) return;
    this.#listener.log({ event: "sent", frame: shown });
    try {
      this.#socket.send(JSON.stringify(frame));
    } catch {
      this.#lost("nothing can be sent");
    }
  }

  #close({ code, reason }: End): void {
    this.#listener.log({ event: "close_sent", code, reason });
    try {
      this.#socket.close(code, reason);
    } catch {
      // The listeners are removed already.
    }
  }

  #armReady(ms: number): void {
    this.#arm(ms, () => this.#lost(`no Ready within ${ms} ms`));
  }

  /** Sets the one timer. */
  #arm(delayMs: number, callback: () => void): void {
    this.#timer?.cancel();
    this.#dueAt = this.#clock.steady() + delayMs;
    this.#timer = this.#clock.setTimer(delayMs, callback);
  }
}
