/**
 * Compares what a gateway sent in a recording with the session reducer of this version: Hello, Ready, heartbeats
 * and their ACKs, and closes. Messages come from the log, so it only checks that none precedes Ready.
 *
 * @module
 */

import type { Json } from "../../gateway/ports.ts";
import { DEFAULTS } from "../../gateway/config/parse.ts";
import { sessionOptions } from "../../gateway/config/session_options.ts";
import {
  type CloseCodeValue,
  decode,
  encode,
  initial,
  Op,
  opName,
  reduce,
  type SessionEffect,
  type SessionInput,
  type SessionOptions,
  type SessionState,
} from "../../gateway/protocol/mod.ts";
import { CLIENT_FAULT_CODES } from "../chaos/client_rules.ts";
import {
  asFrame,
  byConnection,
  fieldOf,
  type TranscriptEntry,
  withoutToken,
} from "../gateway/transcript.ts";
import { intervalOf } from "./recording.ts";

/** The first point at which a recorded gateway and the reducer differ. */
export interface GatewayDeviation {
  /** Unix milliseconds, as recorded. */
  readonly at: number;
  /** The id of the connection. */
  readonly connection: string;
  /** The behaviour of this version. */
  readonly expected: string;
  /** The behaviour that was recorded. */
  readonly actual: string;
}

interface FrameFault {
  readonly at: number;
  readonly connection: string;
  readonly code: number;
}

/** The events behind closes that no frame and no deadline explains. */
const CLOSE_EVENTS: Readonly<Partial<Record<CloseCodeValue, SessionInput>>> = {
  1002: { type: "violated", code: 1002 },
  1007: { type: "violated", code: 1007 },
  1008: { type: "violated", code: 1008 },
  1009: { type: "violated", code: 1009 },
  1011: { type: "failed" },
  1012: { type: "drained" },
  4009: { type: "overflowed" },
  4010: { type: "disconnected" },
  4011: { type: "replaced" },
};

export function checkGateway(
  transcript: readonly TranscriptEntry[],
): GatewayDeviation | undefined {
  const deviations = byConnection(transcript)
    .flatMap((entries) => new RecordedSession(entries, { hasTokens: false }).check() ?? []);
  return deviations.sort((a, b) => a.at - b.at)[0];
}

/**
 * The first frame of a client for which the reducer closes its connection, whatever the transcript shows. Unlike a
 * recording, this one has tokens.
 */
export function checkFrames(transcript: readonly TranscriptEntry[]): FrameFault | undefined {
  const faults = byConnection(transcript)
    .flatMap((entries) => new RecordedSession(entries, { hasTokens: true }).findFault() ?? []);
  return faults.sort((a, b) => a.at - b.at)[0];
}

class RecordedSession {
  readonly #entries: readonly TranscriptEntry[];
  readonly #hasTokens: boolean;
  readonly #options: SessionOptions;
  /** Added to times of the recording, which may be by the client's clock. */
  readonly #offsetMs: number;
  #state: SessionState = initial();
  #at = 0;
  /** Frames that the reducer has sent and the recording has not shown yet. */
  readonly #due: Json[] = [];
  #close: number | undefined;

  constructor(
    entries: readonly TranscriptEntry[],
    { hasTokens }: { readonly hasTokens: boolean },
  ) {
    this.#entries = entries;
    this.#hasTokens = hasTokens;
    const sent = entries.flatMap((entry) => entry.event === "sent" ? [entry.frame] : []);
    const interval = intervalOf(entries) ?? DEFAULTS.heartbeatIntervalMs;
    this.#options = { ...sessionOptions(), heartbeatIntervalMs: interval };
    // The first heartbeat is due one interval after Hello, by the gateway's clock.
    const beat = sent.find((frame) => fieldOf(frame, "op") === Op.Heartbeat);
    const opened = entries[0]?.at ?? 0;
    this.#offsetMs = beat === undefined ? 0 : Number(fieldOf(beat, "time")) - interval - opened;
  }

  check(): GatewayDeviation | undefined {
    for (const entry of this.#entries) {
      const expected = this.#expect(entry);
      if (expected === undefined) continue;
      const { at, connection } = entry;
      return { at, connection, expected, actual: described(entry) };
    }
    return undefined;
  }

  findFault(): FrameFault | undefined {
    for (const entry of this.#entries) {
      if (entry.event === "close_sent") continue;
      this.#expect(entry);
      const { at, connection } = entry;
      const code = this.#close ?? 0;
      if (CLIENT_FAULT_CODES.has(code)) return { at, connection, code };
    }
    return undefined;
  }

  /** Returns what this version does instead, if that differs. */
  #expect(entry: TranscriptEntry): string | undefined {
    switch (entry.event) {
      case "opened":
        this.#feed({ type: this.#isRefused ? "refused" : "opened" }, entry.at);
        return undefined;
      case "sent":
        return this.#sent(entry.frame, entry.at);
      case "received":
        this.#feed({ type: "frameReceived", decoded: this.#decode(entry.frame) }, entry.at);
        return undefined;
      case "close_sent":
        return this.#closed(entry.code, entry.at);
      default:
        return undefined;
    }
  }

  /** True if all that the gateway sent was a close with 1013. */
  get #isRefused(): boolean {
    const [first] = this.#entries.filter(({ event }) => event === "sent" || event === "close_sent");
    return first?.event === "close_sent" && first.code === 1013;
  }

  #decode(frame: Json): ReturnType<typeof decode> {
    const lacksToken = !this.#hasTokens && fieldOf(frame, "op") === Op.Identify &&
      !isString(fieldOf(frame, "token"));
    const text = lacksToken && typeof frame === "object"
      ? JSON.stringify({ ...frame, token: "recorded" })
      : isString(frame)
      ? frame
      : JSON.stringify(frame);
    return decode(text, DEFAULTS.maxFrameBytes);
  }

  #sent(frame: Json, at: number): string | undefined {
    const op = fieldOf(frame, "op");
    // A later version may send others.
    if (typeof op !== "number" || opName(op) === undefined) return undefined;
    if (op === Op.Message || op === Op.Signal) {
      return this.#state.phase === "ready" ? undefined : "nothing before Ready";
    }
    if (op === Op.Heartbeat) this.#tick(Number(fieldOf(frame, "time")));
    if (op === Op.Ready) this.#verified(frame, at);
    // An ACK and a heartbeat of the gateway may have crossed.
    const index = this.#due.findIndex((due) => fieldOf(due, "op") === op);
    const [due] = index < 0 ? [] : this.#due.splice(index, 1);
    if (due !== undefined && sameFrame(due, frame)) return undefined;
    if (this.#close !== undefined) return `a close with ${this.#close}`;
    return due === undefined ? "nothing" : JSON.stringify(due);
  }

  /** Gives the token and the log of the recording to the reducer. */
  #verified(frame: Json, at: number): void {
    const user = String(fieldOf(frame, "user"));
    const attempt = this.#attempt;
    const claims = { user, channels: [], expiresAt: Infinity, issuedAt: 0 };
    this.#feed({ type: "tokenVerified", attempt, claims }, at);
    const lastId = String(fieldOf(frame, "last_id"));
    const resumed = fieldOf(frame, "resumed") === true;
    this.#feed({ type: "located", attempt, lastId, resumed }, at);
  }

  /** The number of the last Identify. */
  get #attempt(): number {
    return "attempts" in this.#state ? this.#state.attempts : 0;
  }

  #closed(code: number, at: number): string | undefined {
    if (this.#close === undefined) this.#explain(code, at);
    return this.#close === code
      ? undefined
      : this.#close === undefined
      ? "no close"
      : `a close with ${this.#close}`;
  }

  /** Feeds the event that a close has, as far as the recording cannot show it. */
  #explain(code: number, at: number): void {
    const state = this.#state;
    const event = CLOSE_EVENTS[code as CloseCodeValue];
    if (event !== undefined) return this.#feed(event, at);
    if (code === 4002 && "heartbeatDueAt" in state) return this.#tick(state.heartbeatDueAt);
    if (code === 4004 && state.phase === "unidentified") return this.#tick(state.identifyBy);
    if (code === 4008) return this.#ping(at);
    if (code !== 4003) return;
    if (state.phase === "ready") {
      const { user } = state;
      return this.#feed({ type: "revoked", user, issuedBefore: Infinity }, at);
    }
    this.#feed({ type: "tokenRejected", attempt: this.#attempt, reason: "recorded" }, at);
  }

  /** Pings count against the limit of frames, and no recording has them. */
  #ping(at: number): void {
    for (let pings = 0; pings <= this.#options.rateLimitFrames; pings++) {
      this.#feed({ type: "controlReceived" }, at);
    }
  }

  /** A deadline passes, at a time by the gateway's own clock. */
  #tick(at: number): void {
    this.#reduce({ type: "ticked" }, at);
  }

  /** An event at a time of the recording. Until a heartbeat is recorded, it is not due. */
  #feed(event: SessionInput, recordedAt: number): void {
    const state = this.#state;
    const latest = "heartbeatDueAt" in state ? state.heartbeatDueAt - 1 : Infinity;
    this.#reduce(event, Math.min(recordedAt + this.#offsetMs, latest));
  }

  #reduce(event: SessionInput, at: number): void {
    this.#at = Math.max(this.#at, at);
    const timed = { ...event, at: this.#at };
    const [state, effects] = reduce(this.#state, timed, this.#options);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SessionEffect): void {
    if (effect.type === "send") this.#due.push(asFrame(encode(effect.frame)));
    if (effect.type === "close") this.#close = effect.code;
  }
}

function isString(value: Json | undefined): value is string {
  return typeof value === "string";
}

/** True if `actual` has every field of `due`; a later version may add others. */
function sameFrame(due: Json, actual: Json): boolean {
  return typeof due === "object" && due !== null &&
    Object.entries(due).every(([name, value]) => value === fieldOf(actual, name));
}

function described(entry: TranscriptEntry): string {
  // A frame of the client that is recorded as one of the gateway may have a token.
  const event = "frame" in entry ? withoutToken({ ...entry, event: "received" }) : entry;
  if ("frame" in event) return JSON.stringify(event.frame);
  return "code" in entry ? `a close with ${entry.code}` : entry.event;
}
