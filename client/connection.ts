/**
 * One connection of the client: answers heartbeats, sends its own, finds out that the other side is gone, and
 * hands on what concerns a session (docs/protocol.md, "Heartbeats").
 *
 * It makes no second connection and knows no token but the one that it is told to send.
 *
 * @module
 */

import { CloseCode, Op } from "../gateway/protocol/codes.ts";
import type { MessageFrame, Ready, ServerFrame } from "../gateway/protocol/frame_types.ts";
import { decodeServerFrame } from "./frames.ts";
import type { ClientClock, ClientSocket, ClientSocketConstructor, ClientTimer } from "./types.ts";

/** What a connection works with. */
export interface ConnectionDeps {
  readonly url: string;
  readonly WebSocket: ClientSocketConstructor;
  readonly clock: ClientClock;
  /** How long until Ready, in milliseconds. */
  readonly connectTimeoutMs: number;
}

/** How a connection ended: with a close frame, or with 1006. */
export interface End {
  readonly code: number;
  readonly reason: string;
}

/** Who is told what happens on a connection. */
export interface ConnectionListener {
  /** It is open: now is the time to identify. */
  opened(): void;
  /** The gateway says Ready. */
  ready(frame: Ready): void;
  /** A message came. */
  message(frame: MessageFrame): void;
  /** A heartbeat was answered. */
  roundTrip(ms: number): void;
  /** It is over. Called once, and not after {@linkcode Connection.drop}; nothing follows. */
  ended(end: End): void;
}

/** The `readyState` of a socket that can be sent on. */
const OPEN = 1;
/** What a close code says when no close frame came (RFC 6455, section 7.4.1). */
const ABNORMAL = 1006;
/** After a sleep, or when the network may have changed, an answer is not waited for as long as usual. */
const PROBE_MS = 5000;
/** A timer that fires this late was not late: the device slept, or the page is hidden and gets little time. */
const SLEPT_MS = 2000;
/** A probe is no closer than this to the heartbeat before, because frames are limited. */
const MIN_MS = 1000;
/** Nor are regular heartbeats closer together, where a gateway's interval is one for tests… */
const MIN_INTERVAL_MS = 2000;
/** …or so far apart that a dead connection would never be found out. */
const MAX_INTERVAL_MS = 3_600_000;

/** A heartbeat that has no answer yet. */
interface Beat {
  readonly time: number;
  readonly sentAt: number;
  /** Whether there is less time for its answer than usual. */
  readonly isProbe: boolean;
}

/** One WebSocket. */
export class Connection {
  readonly #clock: ClientClock;
  readonly #listener: ConnectionListener;
  readonly #socket: ClientSocket;
  /** That of the gateway, once it has said Hello. */
  #intervalMs = MIN_INTERVAL_MS;
  #timer: ClientTimer | undefined;
  #dueAt = 0;
  #beat: Beat | undefined;
  /** The `time` of the last heartbeat, and when it was sent. */
  #lastTime = -1;
  #lastSentAt = -Infinity;
  #messagesSinceBeat = false;
  /** What went wrong, as far as the platform tells. */
  #fault = "";
  #isReady = false;
  #over = false;

  /** Begins to connect. Throws what the class of the socket throws. */
  constructor(parts: ConnectionDeps, listener: ConnectionListener) {
    this.#clock = parts.clock;
    this.#listener = listener;
    this.#socket = new parts.WebSocket(parts.url);
    let hasOpened = false;
    this.#socket.onopen = () => {
      hasOpened = true;
      listener.opened();
    };
    this.#socket.onmessage = ({ data }: { readonly data: unknown }) => this.#received(data);
    // Deno says 0 where the standard says 1006.
    this.#socket.onclose = ({ code, reason }: End) =>
      this.#end({ code: code || ABNORMAL, reason: reason || this.#fault });
    this.#socket.onerror = ({ message }: { readonly message?: unknown }) => {
      if (this.#over) return;
      // Browsers do not say why; others do.
      this.#fault = typeof message === "string" ? message : "";
      // Node 22, and Chromium under a CSP, tell no close of a socket that could not be opened. The close of
      // one that was open brings the code, even where a reset of the network is noticed before it.
      if (hasOpened) this.#arm(MIN_MS, () => this.#failed());
      else this.#failed();
    };
    this.#armReady(parts.connectTimeoutMs);
  }

  /** Whether it can be sent on. */
  get isOpen(): boolean {
    return this.#socket.readyState === OPEN;
  }

  /** Whether the gateway has said Ready. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Sends Identify. */
  identify(token: string, lastId: string | undefined): void {
    this.#send({ op: Op.Identify, token, ...(lastId === undefined ? {} : { last_id: lastId }) });
  }

  /** Asks whether the gateway is still there, or on its way to Ready, and gives it little time to answer. */
  check(): void {
    if (this.#over) return;
    const now = this.#clock.steady();
    if (!this.#isReady) {
      if (this.#dueAt - now > PROBE_MS) this.#armReady(PROBE_MS);
      return;
    }
    // Asked already: to ask again and again must not put the deadline off, were it overdue.
    if (this.#beat?.isProbe === true) return;
    const tooSoonMs = this.#lastSentAt + MIN_MS - now;
    if (tooSoonMs > 0) return this.#arm(tooSoonMs, () => this.check());
    this.#sendBeat(Math.min(PROBE_MS, this.#intervalMs), true);
  }

  /**
   * Closes and forgets the connection: its listener hears nothing more. Resolves once the gateway has
   * answered, or after `graceMs`.
   */
  drop(reason: string, graceMs = 0): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      this.#release(() => {
        this.#timer?.cancel();
        resolve();
      });
      if (graceMs > 0) this.#arm(graceMs, resolve);
      else resolve();
      this.#close(1000, reason);
    });
  }

  #received(data: unknown): void {
    if (this.#over) return;
    const frame = decodeServerFrame(data);
    if (frame === undefined) return;
    if ("fault" in frame) return this.#broken(frame.fault);
    this.#handle(frame);
  }

  #handle(frame: ServerFrame): void {
    switch (frame.op) {
      case Op.Hello:
        this.#intervalMs = Math.min(
          Math.max(frame.heartbeat_interval, MIN_INTERVAL_MS),
          MAX_INTERVAL_MS,
        );
        return;
      case Op.Ready:
        return this.#begun(frame);
      case Op.Message:
        this.#messagesSinceBeat = true;
        if (!this.#isReady) return this.#broken("a Message before Ready");
        return this.#listener.message(frame);
      case Op.Heartbeat:
        return this.#send({ op: Op.HeartbeatAck, time: frame.time });
      case Op.HeartbeatAck:
        return this.#acknowledged(frame.time);
    }
  }

  /** Before, the deadline for connecting holds; a heartbeat might cross the close frame of a refusal. */
  #begun(frame: Ready): void {
    const isFirst = !this.#isReady;
    this.#isReady = true;
    this.#listener.ready(frame);
    if (isFirst && !this.#over) this.#sendBeat(this.#intervalMs);
  }

  #sendBeat(patienceMs: number, isProbe = false): void {
    const sentAt = this.#clock.steady();
    // Never the number of an earlier one, so that an answer is known for what it is.
    const time = Math.max(Math.floor(this.#clock.now()), this.#lastTime + 1);
    this.#lastTime = time;
    this.#lastSentAt = sentAt;
    this.#beat = { time, sentAt, isProbe };
    this.#messagesSinceBeat = false;
    this.#arm(patienceMs, () => this.#beatDue(patienceMs));
    this.#send({ op: Op.Heartbeat, time });
  }

  #acknowledged(time: number): void {
    if (this.#beat?.time !== time) return;
    const { sentAt } = this.#beat;
    this.#beat = undefined;
    const tookMs = this.#clock.steady() - sentAt;
    // The next one is due an interval after this one, also where it was a short probe.
    const delayMs = Math.max(0, this.#intervalMs - tookMs);
    this.#arm(delayMs, () => this.#beatDue(this.#intervalMs));
    this.#listener.roundTrip(tookMs);
  }

  #beatDue(patienceMs: number): void {
    // Nobody has read what came while the device slept; and what was open before may be long gone. But who
    // is always late, as in a hidden page, has to come to an end with it.
    const slept = this.#clock.steady() - this.#dueAt > SLEPT_MS;
    if (slept && this.#beat?.isProbe !== true) return this.check();
    if (this.#beat === undefined) return this.#sendBeat(this.#intervalMs);
    // The answer comes behind what is on its way, which may be much; but it does come.
    if (this.#messagesSinceBeat) {
      this.#messagesSinceBeat = false;
      return this.#arm(patienceMs, () => this.#beatDue(patienceMs));
    }
    this.#lost(`no answer to a heartbeat within ${patienceMs} ms`);
  }

  /** The other side does not speak the protocol: something between is at fault, and may heal. */
  #broken(fault: string): void {
    this.#lost(`not a frame of the gateway: ${fault}`, CloseCode.Malformed.code);
  }

  #lost(reason: string, closeCode = 1000): void {
    if (this.#over) return;
    this.#release(() => {});
    this.#close(closeCode, reason);
    this.#listener.ended({ code: ABNORMAL, reason });
  }

  #end(end: End): void {
    if (this.#over) return;
    this.#release(() => {});
    this.#listener.ended(end);
  }

  /** The platform has told an error, and no close. */
  #failed(): void {
    this.#end({ code: ABNORMAL, reason: this.#fault });
    this.#close(1000, "");
  }

  /** It is over: hears nothing more of the socket but that it is gone, by whichever event. */
  #release(gone: () => void): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#socket.onopen = null;
    this.#socket.onmessage = null;
    this.#socket.onclose = gone;
    this.#socket.onerror = gone;
  }

  /** On one that closes it would go nowhere, and browsers complain. */
  #send(frame: object): void {
    if (!this.isOpen) return;
    try {
      this.#socket.send(JSON.stringify(frame));
    } catch {
      this.#lost("nothing can be sent");
    }
  }

  /** Closes; one that cannot be closed is left to itself. */
  #close(code: number, reason: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // Nothing is heard of it any more, whatever becomes of it.
    }
  }

  /** Sets the time that is left until Ready. */
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
