/**
 * Plays the gateway's part of a recording to a client under test, on virtual time, one recorded connection after
 * the other, and judges what the client does.
 *
 * @module
 */

import type { Socket } from "../../gateway/ports.ts";
import { CloseCode, closeInfo } from "../../gateway/protocol/mod.ts";
import { type BrokenClientRule, ClientCheck } from "../chaos/client_check.ts";
import { CLIENT_FAULT_CODES } from "../chaos/client_rules.ts";
import type { Links } from "../gateway/links.ts";
import { type Transcript, type TranscriptEntry, withoutToken } from "../gateway/transcript.ts";
import type { VirtualClock } from "../gateway/virtual_clock.ts";
import { checkFrames, checkGateway, type GatewayDeviation } from "./gateway_check.ts";
import { Part, type PartEnd } from "./part.ts";
import { scriptsOf, userOf } from "./recording.ts";

/** Time for the client's last reactions, in milliseconds: two intervals of heartbeats and the longest backoff. */
const AFTERWARDS_MS = 120_000;

/** The time after which the client is first judged, in milliseconds; each look is then twice as far as the last. */
const FIRST_LOOK_MS = 60_000;

/** Refused tokens are no reason to give up for so long, in milliseconds. */
const REFUSALS_MS = 60_000;

/** The verdict on a recording. */
export interface RecordedVerdict {
  /** The first fault of the recorded client, by the rules of chaos. */
  readonly client: BrokenClientRule | undefined;
  /** The first fault of the recorded gateway, by the reducer. */
  readonly gateway: GatewayDeviation | undefined;
}

/** The verdict on a client that a recording was played to. */
export interface ReplayOutcome {
  /** The first rule that the client broke this time. */
  readonly broken: BrokenClientRule | undefined;
  /** The connections of this time, without tokens. */
  readonly transcript: readonly TranscriptEntry[];
}

/** A recording that is played to the clients of a mock gateway. */
export interface LoadedRecording {
  /** The faults that it shows, by itself. */
  readonly recorded: RecordedVerdict;
  /** The number of its connections that are still to come. */
  readonly left: number;
  /** Resolves when a client first connects. */
  readonly connected: Promise<void>;
  /** Lets all of the recording pass, and what the client does then; judges the client. */
  run(): Promise<ReplayOutcome>;
}

export interface PlayerDeps {
  readonly clock: VirtualClock;
  /** In front of each socket. */
  readonly links: Links;
  /** The record that the links keep. */
  readonly transcript: Transcript;
  readonly closeGraceMs: number;
  readonly identifyTimeoutMs: number;
}

export class Player implements LoadedRecording {
  readonly recorded: RecordedVerdict;
  readonly connected: Promise<void>;
  readonly #deps: PlayerDeps;
  /** The recorded connections that are still to come. */
  readonly #scripts: (readonly TranscriptEntry[])[];
  #noteConnected: () => void = () => {};
  readonly #parts = new Set<Part>();
  /** Connections that are closed for a fault of the recorded client. This one may not have it. */
  readonly #forgiven = new Set<string>();
  /** The end of the recording, or of the last connection. */
  #lastMs: number;
  /** Attempts to connect after the last recorded connection. */
  #refused = 0;
  /** None has connected, or the last connection has ended, clients return after that, and none has tried. */
  #isAwaited = true;
  /** The first refusal of a token since the last session. */
  #refusedSinceMs: number | undefined;
  /** The first time that the client said nothing where it has to. */
  #silence: BrokenClientRule | undefined;

  /** @param entries a transcript, oldest first */
  constructor(entries: readonly TranscriptEntry[], deps: PlayerDeps) {
    this.#deps = deps;
    this.#scripts = scriptsOf(entries);
    this.#lastMs = entries.at(-1)?.at ?? 0;
    this.connected = new Promise((resolve) => this.#noteConnected = resolve);
    this.recorded = { client: judge(entries).broken, gateway: checkGateway(entries) };
  }

  get left(): number {
    return this.#scripts.length;
  }

  /** Plays the next recorded connection to the client at `address`; `undefined` after the last. */
  next(address: string): { accept(socket: Socket): void } | undefined {
    this.#isAwaited = false;
    const script = this.#scripts.shift();
    if (script !== undefined) return { accept: (socket) => this.#accept(socket, address, script) };
    this.#refused += 1;
    return undefined;
  }

  async run(): Promise<ReplayOutcome> {
    const { clock, transcript } = this.#deps;
    let lookMs = FIRST_LOOK_MS;
    await clock.advanceWhile(() => {
      // A client that never answers costs real time for each heartbeat.
      if (this.#check(transcript.entries).broken !== undefined) return 0;
      const leftMs = this.#lastMs + AFTERWARDS_MS - clock.now();
      const ms = Math.min(leftMs, lookMs);
      lookMs *= 2;
      return ms;
    });
    const { entries } = transcript;
    return { broken: this.#judge(entries), transcript: entries.map(withoutToken) };
  }

  #accept(socket: Socket, address: string, script: readonly TranscriptEntry[]): void {
    const { clock, links, closeGraceMs, identifyTimeoutMs } = this.#deps;
    const link = links.add(socket, address);
    if (script.some(isFaultClose)) this.#forgiven.add(link.id);
    const part: Part = new Part({
      ...{ link, script, clock, closeGraceMs, identifyTimeoutMs },
      silent: (explanation) => {
        const rule = "the client obeys the protocol";
        this.#silence ??= { rule, at: clock.now(), connection: link.id, explanation };
      },
      gone: (end) => {
        this.#parts.delete(part);
        this.#lastMs = Math.max(this.#lastMs, clock.now());
        this.#isAwaited = this.#returnsAfter(end) && this.#parts.size === 0;
      },
    });
    this.#parts.add(part);
    part.start();
    this.#noteConnected();
  }

  /** True if clients come back from a connection with this end. */
  #returnsAfter({ code, wasReady }: PartEnd): boolean {
    const now = this.#deps.clock.now();
    if (wasReady) this.#refusedSinceMs = undefined;
    if (code !== CloseCode.IdentifyFailed.code) {
      return code === undefined || closeInfo(code)?.reconnect !== false;
    }
    if (wasReady) return true;
    this.#refusedSinceMs ??= now;
    return now - this.#refusedSinceMs < REFUSALS_MS;
  }

  /** Judges what has been sent; the first fault is `broken`. */
  #check(entries: readonly TranscriptEntry[]): ClientCheck {
    const check = judge(
      entries.filter((entry) => !(isFaultClose(entry) && this.#forgiven.has(entry.connection))),
    );
    const fault = checkFrames(entries);
    check.found(
      fault && {
        ...{ rule: "the client obeys the protocol", at: fault.at, connection: fault.connection },
        explanation: `the gateway closes with ${fault.code}`,
      },
    );
    check.found(this.#silence);
    return check;
  }

  /** Judges the client at the end, when nothing more happens. */
  #judge(entries: readonly TranscriptEntry[]): BrokenClientRule | undefined {
    const now = this.#deps.clock.now();
    const check = this.#check(entries);
    // Attempts that were refused are not in the transcript.
    if (this.#refused === 0) check.sweep(now);
    check.finish(now);
    if (this.#isAwaited) check.away(now, [lastUser(entries)]);
    return check.broken;
  }
}

function isFaultClose(entry: TranscriptEntry): boolean {
  return entry.event === "close_sent" && CLIENT_FAULT_CODES.has(entry.code);
}

function judge(entries: readonly TranscriptEntry[]): ClientCheck {
  const check = new ClientCheck();
  for (const entry of entries) check.read(entry);
  return check;
}

function lastUser(entries: readonly TranscriptEntry[]): string {
  return entries.flatMap((entry) => userOf(entry) ?? []).at(-1) ?? "the client";
}
