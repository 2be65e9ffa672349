/**
 * Models what the gateway must send on one connection, to the millisecond, from the frames on the
 * wire and independently of the reducer.
 *
 * Delivery is checked in `delivery.ts`, the set of sessions in `checker.ts`.
 *
 * @module
 */

import type { Connection } from "../gateway/session/connection.ts";
import type { ConnectionOptions } from "../gateway/session/connection_context.ts";
import type { Meaning } from "./client_frames.ts";
import type { Delivery } from "./delivery.ts";
import type { Link } from "./network.ts";
import type { OddFrame } from "./pipe.ts";
import type { Rule } from "./rules.ts";
import type { Report } from "./violation.ts";
import { type Issued, type SimulatedToken, tokenOf, type Verdict } from "./verifier.ts";

/** Every code in docs/protocol.md, listed independently. */
const CODES: ReadonlySet<number> = new Set(
  [1002, 1007, 1008, 1009, 1011, 1012, 1013, 4001, 4002, 4003, 4004, 4008, 4009, 4010, 4011],
);

/** The closes of a drain are spread evenly and may fall between two milliseconds. */
const ROUNDING_MS = 0.5;

/** Time limit for the gateway to notice that a connection accepts data again. */
const NOTICED_MS = 100;

/** A deadline at which the connection must be closed. */
interface Due {
  readonly atMs: number;
  readonly code: number;
  readonly because: string;
}

/** A pending Identify. */
interface Identify {
  readonly token: SimulatedToken;
  readonly lastId: string | undefined;
  readonly signals: boolean;
  verified: boolean;
}

export interface SessionDeps {
  readonly link: Pick<Link, "id" | "node" | "address" | "backedUpAtMs">;
  readonly options: ConnectionOptions;
  readonly report: Report;
}

/** One connection, by the protocol. */
export class Session {
  stage: "admitted" | "open" | "closing" | "gone" = "admitted";
  /** Admitted beyond a limit, only to be closed with 1013. */
  refused = false;
  /** Set from the first Ready on. */
  delivery: Delivery | undefined;
  served: Connection | undefined;
  /** The claims of the token that was verified last. */
  proven: Issued | undefined;
  /** The time at which the gateway closed it, or it was gone. */
  endedAtMs: number | undefined;
  /** Resumed, so a replay may be running. */
  resumed = false;
  /** The Identify that the last Ready answered asked for signals. */
  wantsSignals = false;
  /** The same by the gateway's tables: a Ready may wait for a peer that does not read. */
  isListener = false;

  readonly #deps: SessionDeps;
  readonly #options: ConnectionOptions;
  #identifyByMs: number | undefined;
  #heartbeatDueMs = Infinity;
  #outstandingHeartbeat: number | undefined;
  #identify: Identify | undefined;
  #pendingByMs: number | undefined;
  #expiresAtMs: number | undefined;
  #must: Due | undefined;
  #drainByMs: number | undefined;
  #terminateByMs: number | undefined;
  #terminated = false;
  #greeted = false;
  readonly #frames: number[] = [];
  readonly #answers: { readonly time: number; readonly atMs: number }[] = [];
  /** Beats and Readys that wait because the peer does not accept data. */
  readonly #heldHeartbeats: number[] = [];
  readonly #heldReadys: Readonly<Identify>[] = [];

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#options = deps.options;
  }

  get connection(): number {
    return this.#deps.link.id;
  }

  /** Number of the process that serves it. */
  get node(): number {
    return this.#deps.link.node;
  }

  get address(): string {
    return this.#deps.link.address;
  }

  get ready(): boolean {
    return this.stage === "open" && this.delivery !== undefined;
  }

  /** The pending Identify. */
  get identify(): Readonly<Identify> | undefined {
    return this.#identify;
  }

  opened(atMs: number): void {
    this.stage = "open";
    if (this.refused) return this.must(1013, "there is no room for it", atMs);
    this.#heartbeatDueMs = atMs + this.#options.heartbeatIntervalMs;
    this.#identifyByMs = atMs + this.#options.identifyTimeoutMs;
  }

  /** The connection must be closed at `atMs`; the first reason counts. */
  must(code: number, because: string, atMs: number): void {
    this.#must ??= { atMs, code, because };
  }

  drains(byMs: number): void {
    this.#drainByMs = byMs;
  }

  /** A client message reached the gateway. */
  received(meaning: Meaning, atMs: number): void {
    if (!this.#counts(atMs)) return;
    switch (meaning.kind) {
      case "fault":
        return this.must(meaning.code, "the frame is malformed", atMs);
      case "heartbeat":
        this.#answers.push({ time: meaning.time, atMs });
        return;
      case "ack":
        if (meaning.time === this.#outstandingHeartbeat) this.#outstandingHeartbeat = undefined;
        return;
      case "identify": {
        const token = tokenOf(meaning.token);
        const { lastId, signals } = meaning;
        this.#identify = { token, lastId, signals, verified: false };
        this.#identifyByMs = undefined;
        this.#pendingByMs ??= atMs + this.#options.verifyTimeoutMs;
        if (this.ready) return;
        this.#expiresAtMs = undefined;
        this.proven = undefined;
      }
    }
  }

  /** A frame that is no message reached the gateway. */
  receivedOdd(frame: OddFrame, atMs: number): void {
    if (frame.kind === "control") return void this.#counts(atMs);
    this.#advance(atMs);
    if (this.stage !== "open" || this.refused || this.#due(atMs) !== undefined) return;
    this.must(frame.code, "the peer breaks RFC 6455", atMs);
  }

  /** Counts a frame against the limit. Returns true if the frame is still to be processed. */
  #counts(atMs: number): boolean {
    this.#advance(atMs);
    // Deadlines come first: a frame in the same millisecond is too late.
    if (this.stage !== "open" || this.refused || this.#due(atMs) !== undefined) return false;
    const windowStart = atMs - this.#options.rateLimitWindowMs;
    while ((this.#frames[0] ?? Infinity) <= windowStart) this.#frames.shift();
    this.#frames.push(atMs);
    if (this.#frames.length <= this.#options.rateLimitFrames) return true;
    this.must(4008, `${this.#frames.length} frames in the window`, atMs);
    return false;
  }

  /** The verifier decided on a token. */
  verdict(
    serial: number,
    verdict: Verdict,
    at: { readonly ms: number; readonly wallMs: number },
  ): void {
    const identify = this.#identify;
    if (this.stage !== "open" || identify?.token.serial !== serial) return;
    this.#advance(at.ms);
    if (this.#due(at.ms) !== undefined) return;
    if (verdict === "unreachable") return this.must(1011, "no token can be verified", at.ms);
    if (!verdict.ok) return this.must(4003, verdict.reason, at.ms);
    if (this.delivery !== undefined && verdict.user !== this.delivery.user) {
      return this.must(4003, "the new token is another user's", at.ms);
    }
    identify.verified = true;
    this.proven = { user: verdict.user, issuedAt: verdict.issuedAt };
    this.#expiresAtMs = at.ms + (verdict.expiresAt - at.wallMs);
    if (this.delivery === undefined) return;
    // A renewal takes effect at once; only its Ready may be late.
    this.delivery.replaceChannels(verdict.channels, at.ms);
    this.isListener = identify.signals;
    this.#heldReadys.push(identify);
    this.#identify = undefined;
    this.#pendingByMs = undefined;
  }

  sentHello(interval: number, atMs: number): void {
    if (this.#greeted) this.#wrong("Hello comes first", "a second Hello was sent");
    this.#greeted = true;
    if (interval !== this.#options.heartbeatIntervalMs) {
      this.#wrong("Hello comes first", `Hello says ${interval}`);
    }
    this.settled(atMs);
  }

  sentHeartbeat(time: number, atMs: number): void {
    this.#assertGreeted();
    this.#advance(atMs);
    if (this.#heldHeartbeats[0] === time && this.#isHeldUp(atMs)) {
      this.#heldHeartbeats.shift();
      return;
    }
    if (
      this.#heartbeatDueMs !== atMs || time !== atMs || this.#outstandingHeartbeat !== undefined
    ) {
      const due = this.#outstandingHeartbeat === undefined
        ? `one was due at ${this.#heartbeatDueMs}`
        : "none was due";
      this.#wrong("heartbeats are sent on time", `a beat of ${time} was sent at ${atMs}; ${due}`);
    }
    this.#outstandingHeartbeat = time;
    this.#heartbeatDueMs = atMs + this.#options.heartbeatIntervalMs;
  }

  /** The gateway acknowledged a beat of the client. */
  sentAck(time: number, atMs: number): void {
    this.#assertGreeted();
    const answered = this.#answers.shift();
    if (answered?.time !== time || (answered.atMs !== atMs && !this.#isHeldUp(atMs))) {
      const asked = answered === undefined ? "nothing" : `${answered.time} at ${answered.atMs}`;
      this.#wrong("heartbeats are answered at once", `${time} was answered; ${asked} was asked`);
    }
  }

  /** Returns the Identify that this Ready answers. */
  sentReady(user: string, atMs: number): Readonly<Identify> {
    this.#assertGreeted();
    this.#advance(atMs);
    const identify = this.#heldReadys.shift() ?? this.#identify;
    if (identify === undefined || !identify.verified) {
      return this.#wrong("Ready follows a verified Identify", "Ready was sent without one");
    }
    if (user !== identify.token.user) {
      this.#wrong(
        "Ready follows a verified Identify",
        `Ready is for ${user}, not ${identify.token.user}`,
      );
    }
    this.wantsSignals = identify.signals;
    if (this.delivery === undefined) this.isListener = identify.signals;
    if (identify === this.#identify) {
      this.#identify = undefined;
      this.#pendingByMs = undefined;
    }
    return identify;
  }

  sentMessage(): void {
    if (!this.ready) this.#wrong("nothing before Ready", "a Message was sent before Ready");
  }

  /**
   * The gateway sent a close frame. `excuse` is true if something off the wire justifies the code.
   */
  closed(code: number, atMs: number, excuse: (code: number) => boolean): void {
    this.#advance(atMs);
    if (!CODES.has(code)) this.#wrong("every close has a code of the table", `closed with ${code}`);
    const due = this.#due(atMs);
    const codes = due === undefined ? [] : this.#dueAt(due.atMs);
    if (due !== undefined && due.atMs < atMs) {
      this.#wrong("closes come on time", `${due.because}; closed at ${atMs} with ${code}`);
    }
    const drained = code === 1012 && atMs <= (this.#drainByMs ?? -Infinity) + ROUNDING_MS;
    if (!codes.includes(code) && !drained && !excuse(code)) {
      const because = due === undefined ? "nothing was due" : due.because;
      this.#wrong("every close has a reason", `closed with ${code} at ${atMs}; ${because}`);
    }
    this.stage = "closing";
    this.endedAtMs = atMs;
    this.#terminateByMs = atMs + this.#options.closeGraceMs;
  }

  /** The gateway terminated the connection. */
  wasTerminated(atMs: number): void {
    if (!this.#terminated && Math.abs(atMs - (this.#terminateByMs ?? 0)) > ROUNDING_MS) {
      this.#wrong(
        "terminated after the grace",
        `terminated at ${atMs}, due at ${this.#terminateByMs}`,
      );
    }
    this.#terminated = true;
  }

  /** Terminated in vain; the gateway waits for TCP. */
  get lingering(): boolean {
    return this.#terminated && this.stage === "closing";
  }

  /** Reports everything that was due before `atMs` and did not happen. */
  settled(atMs: number): void {
    const terminateByMs = this.#terminateByMs ?? Infinity;
    if (this.stage === "closing" && !this.#terminated && terminateByMs < atMs - ROUNDING_MS) {
      this.#wrong(
        "terminated after the grace",
        `it was due to be terminated at ${this.#terminateByMs}`,
      );
    }
    if (this.stage !== "open") return;
    this.#advance(atMs);
    const due = this.#due(atMs - ROUNDING_MS);
    if (due !== undefined) this.#wrong("closes come on time", `${due.because}; it is still open`);
    if ((this.#drainByMs ?? Infinity) < atMs - ROUNDING_MS) {
      this.#wrong("closes come on time", `the drain was over at ${this.#drainByMs}`);
    }
    if (this.#isHeldUp(atMs)) return;
    if (this.#heldHeartbeats.length > 0) {
      this.#wrong("heartbeats are sent on time", `no beat was sent at ${this.#heldHeartbeats[0]}`);
    }
    if ((this.#answers[0]?.atMs ?? Infinity) < atMs) {
      this.#wrong("heartbeats are answered at once", "a beat of the client has no answer");
    }
    if (this.#heldReadys.length > 0) {
      this.#wrong("renewals are answered at once", "a renewal has no Ready");
    }
  }

  /** Passes a beat that was due before `atMs`; it was sent, even if it has not left yet. */
  #advance(atMs: number): void {
    if (this.stage !== "open" || this.refused) return;
    if (this.#heartbeatDueMs >= atMs || this.#outstandingHeartbeat !== undefined) return;
    this.#heldHeartbeats.push(this.#heartbeatDueMs);
    this.#outstandingHeartbeat = this.#heartbeatDueMs;
    this.#heartbeatDueMs += this.#options.heartbeatIntervalMs;
  }

  /** True if the peer does not accept data, so frames may be late. */
  #isHeldUp(atMs: number): boolean {
    return atMs - this.#deps.link.backedUpAtMs <= NOTICED_MS;
  }

  /** The earliest deadline at or before `atMs`. */
  #due(atMs: number): Due | undefined {
    const earliest = Math.min(
      this.#must?.atMs ?? Infinity,
      this.#identifyByMs ?? Infinity,
      this.#pendingByMs ?? Infinity,
      this.#expiresAtMs ?? Infinity,
      this.#outstandingHeartbeat === undefined ? Infinity : this.#heartbeatDueMs,
    );
    return earliest > atMs ? undefined : this.#describe(earliest);
  }

  #describe(atMs: number): Due {
    const code = this.#dueAt(atMs)[0] ?? 0;
    const because = this.#must?.atMs === atMs ? this.#must.because : `${code} was due`;
    return { atMs, code, because: `${because} (${code} at ${atMs})` };
  }

  /** The codes of all deadlines at exactly `atMs`. */
  #dueAt(atMs: number): readonly number[] {
    return [
      ...(this.#must?.atMs === atMs ? [this.#must.code] : []),
      ...(this.#identifyByMs === atMs ? [4004] : []),
      ...(this.#expiresAtMs === atMs ? [4003] : []),
      ...(this.#pendingByMs === atMs ? [1011] : []),
      ...(this.#outstandingHeartbeat !== undefined && this.#heartbeatDueMs === atMs ? [4002] : []),
    ];
  }

  #assertGreeted(): void {
    if (!this.#greeted) this.#wrong("Hello comes first", "a frame was sent before Hello");
  }

  #wrong(rule: Rule, explanation: string): never {
    return this.#deps.report(rule, explanation, this.connection);
  }
}
