/**
 * Reads recordings of clients: the transcript of a gateway, or what the client library logged, which has no
 * tokens. Both become a transcript, as the gateway sees it. Tells why one cannot be played.
 *
 * @module
 */

import type { Json } from "../../gateway/ports.ts";
import { ABNORMAL, Op } from "../../gateway/protocol/codes.ts";
import { isCloseCode } from "../gateway/close_frame.ts";
import {
  asFrame,
  byConnection,
  fieldOf,
  opOf,
  TRANSCRIPT_EVENTS,
  type TranscriptEntry,
  type TranscriptEvent,
} from "../gateway/transcript.ts";

/** A record of the client library's event `log`. */
export interface ClientRecord {
  /** Unix milliseconds, by the client's clock. */
  readonly at: number;
  /** `sent`, `received`, `close_sent`, `disconnect`; others are ignored. */
  readonly event: string;
  /** The frame that was sent or received. */
  readonly frame?: unknown;
  /** The close code of `disconnect` and `close_sent`. */
  readonly code?: number | undefined;
  /** The reason. */
  readonly reason?: string | undefined;
}

/** A transcript, or the log of one client; oldest first. */
export type Recording = readonly TranscriptEntry[] | readonly ClientRecord[];

/**
 * The recording as a transcript, without events that this version does not know. Connections of a client's log are
 * named `c1`, `c2`…
 */
export function asTranscript(recording: Recording): readonly TranscriptEntry[] {
  const entries = isTranscript(recording) ? recording : fromClient(recording);
  return entries.filter(({ event }) => Object.hasOwn(TRANSCRIPT_EVENTS, event)).map((entry) =>
    // Such as 1005: a client may report codes that no close frame has.
    entry.event === "close_sent" && !isCloseCode(entry.code)
      ? { at: entry.at, connection: entry.connection, event: "terminated" }
      : entry
  );
}

function isTranscript(recording: Recording): recording is readonly TranscriptEntry[] {
  // JavaScript passes anything.
  const events: unknown = recording;
  if (!Array.isArray(events) || !events.every(isEvent)) {
    throw new TypeError("Replay: no recording, expected an array of events with at and event");
  }
  return recording.every((entry) => "connection" in entry);
}

function isEvent(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return "at" in value && Number.isFinite(value.at) && "event" in value &&
    typeof value.event === "string";
}

function fromClient(records: readonly ClientRecord[]): readonly TranscriptEntry[] {
  const entries: TranscriptEntry[] = [];
  let count = 0;
  let isOpen = false;
  const add = (at: number, event: TranscriptEvent): void => {
    entries.push({ at, connection: `c${count}`, ...event });
  };
  const end = (at: number): void => {
    if (isOpen) add(at, { event: "gone" });
    isOpen = false;
  };
  for (const { at, event, frame, code = ABNORMAL, reason = "" } of records) {
    switch (event) {
      case "sent":
      case "received":
        if (!isOpen) {
          isOpen = true;
          count += 1;
          add(at, { event: "opened", address: "" });
        }
        // The log of a client has its own view: it received what the gateway sent.
        add(at, { event: event === "sent" ? "received" : "sent", frame: toJson(frame) });
        break;
      case "close_sent":
        end(at);
        break;
      case "disconnect":
        if (isOpen) add(at, { event: "close_sent", code, reason });
        end(at);
    }
  }
  return entries;
}

function toJson(frame: unknown): Json {
  return asFrame(JSON.stringify(frame) ?? "null");
}

/** Returns why a recording cannot be played. */
export function faultOf(entries: readonly TranscriptEntry[]): string | undefined {
  const scripts = scriptsOf(entries);
  if (scripts.length === 0) return "has no connection";
  for (const script of scripts) {
    const first = script.find(({ event }) => event === "sent" || event === "not_sent");
    if (first === undefined) continue;
    const { connection } = first;
    if (opOf(first) !== Op.Hello) {
      return `has no Hello on ${connection}: record from the client's first connection on`;
    }
    if (first.event === "sent" && intervalOf(script) === undefined) {
      return `has a Hello on ${connection} without a heartbeat_interval, expected milliseconds`;
    }
  }
  const users = new Set(entries.flatMap((entry) => userOf(entry) ?? []));
  if (users.size > 1) return `has users ${[...users].join(", ")}: record one client`;
  return undefined;
}

/** The entries of each connection. */
export function scriptsOf(entries: readonly TranscriptEntry[]): (readonly TranscriptEntry[])[] {
  return byConnection(entries).filter(([first]) => first?.event !== "delivered");
}

/** The user of a Ready. */
export function userOf(entry: TranscriptEntry): string | undefined {
  if (entry.event !== "sent" || opOf(entry) !== Op.Ready) return undefined;
  return String(fieldOf(entry.frame, "user"));
}

/** The `heartbeat_interval` of Hello. */
export function intervalOf(script: readonly TranscriptEntry[]): number | undefined {
  const hello = script.find((entry) => entry.event === "sent" && opOf(entry) === Op.Hello);
  if (hello?.event !== "sent") return undefined;
  const interval = fieldOf(hello.frame, "heartbeat_interval");
  return Number.isSafeInteger(interval) && Number(interval) > 0 ? Number(interval) : undefined;
}
