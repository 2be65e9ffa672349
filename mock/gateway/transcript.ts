/**
 * Records the frames and events of a mock gateway's connections, with their virtual times. It contains
 * tokens as clients sent them; the mock issuer signed them.
 *
 * @module
 */

import type { Clock, Json } from "../../gateway/ports.ts";

/** An event of a connection. */
export type TranscriptEvent =
  /** The WebSocket opened. */
  | { readonly event: "opened"; readonly address: string }
  /** A frame was sent, or withheld by a fault. */
  | { readonly event: "sent" | "not_sent"; readonly frame: Json }
  /** A frame of the client reached the gateway, or was lost by a fault. */
  | { readonly event: "received" | "not_received"; readonly frame: Json }
  /** The gateway sent a close frame, or a fault withheld it. */
  | {
    readonly event: "close_sent" | "close_not_sent";
    readonly code: number;
    readonly reason: string;
  }
  /** The connection was terminated without a close frame, by a fault or after the close grace. */
  | { readonly event: "terminated" }
  /** The app of this user was given a message, as its test says; there is no connection then. */
  | { readonly event: "delivered"; readonly user: string; readonly id: string }
  /** The connection became half-open. */
  | { readonly event: "frozen" }
  /** The connection is closed for the gateway. */
  | { readonly event: "gone" };

/** Every kind of event, in words, for the documents. */
export const TRANSCRIPT_EVENTS: Readonly<Record<TranscriptEvent["event"], string>> = {
  opened: "the WebSocket opened",
  sent: "the gateway sent a `frame`",
  received: "the gateway received a `frame`",
  not_sent: "a fault suppressed a `frame` to the client",
  not_received: "a fault suppressed a `frame` of the client",
  close_sent: "the gateway sent a close frame with this `code` and `reason`",
  close_not_sent: "a fault suppressed one",
  terminated:
    "the connection ended without a close frame, by `drop` or because the client did not answer one",
  frozen: "the connection became half-open",
  gone: "the gateway removed the connection",
  delivered: "the test told that the app was given the message `id`",
};

/** An event with its time and connection. */
export type TranscriptEntry = TranscriptEvent & {
  /** Virtual time in unix milliseconds. */
  readonly at: number;
  /** The id of the connection. */
  readonly connection: string;
};

/** Older entries are dropped, at twice this number at the latest. */
const MAX_ENTRIES = 100_000;

export class Transcript {
  readonly #clock: Clock;
  #entries: TranscriptEntry[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Oldest first. */
  get entries(): readonly TranscriptEntry[] {
    return this.#entries;
  }

  add(connection: string, event: TranscriptEvent): void {
    this.#entries.push({ at: this.#clock.now(), connection, ...event });
    if (this.#entries.length > 2 * MAX_ENTRIES) this.#entries = this.#entries.slice(-MAX_ENTRIES);
  }

  clear(): void {
    this.#entries = [];
  }
}

/** The entries of each connection; Map.groupBy is not in Node 20. */
export function byConnection(
  entries: readonly TranscriptEntry[],
): readonly (readonly TranscriptEntry[])[] {
  const connections = new Map<string, TranscriptEntry[]>();
  for (const entry of entries) {
    const group = connections.get(entry.connection);
    if (group === undefined) connections.set(entry.connection, [entry]);
    else group.push(entry);
  }
  return [...connections.values()];
}

/** A WebSocket message for a transcript: parsed if it is JSON, else its text, or its length in bytes. */
export function asFrame(data: string | Uint8Array): Json {
  if (typeof data !== "string") return `${data.byteLength} bytes`;
  try {
    const frame: Json = JSON.parse(data);
    return frame;
  } catch {
    return data;
  }
}

/** A field of a frame; `undefined` if it has none, or is no object. */
export function fieldOf(frame: Json | undefined, name: string): Json | undefined {
  return isObject(frame) ? frame[name] : undefined;
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The `op` of the frame; `undefined` if there is none. */
export function opOf(entry: TranscriptEntry | undefined): Json | undefined {
  return entry !== undefined && "frame" in entry ? fieldOf(entry.frame, "op") : undefined;
}

/** Tokens are signed with keys that differ from run to run. */
export function withoutToken(entry: TranscriptEntry): TranscriptEntry {
  if (entry.event !== "received" && entry.event !== "not_received") return entry;
  const { frame } = entry;
  return typeof frame === "object" && frame !== null && "token" in frame
    ? { ...entry, frame: { ...frame, token: "…" } }
    : entry;
}
