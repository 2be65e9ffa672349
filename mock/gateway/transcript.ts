/**
 * What went over the connections of a mock gateway, and at which virtual time.
 *
 * It keeps and lists; nothing is decided by it. Tokens are in it, as clients sent them: they are the mock
 * issuer's and open no other door.
 *
 * @module
 */

import type { Clock, Json } from "../../gateway/ports.ts";

/** What can happen on a connection. */
export type TranscriptEvent =
  /** The WebSocket opened. */
  | { readonly event: "opened"; readonly address: string }
  /** A frame was handed to the network, or kept from it by a fault. */
  | { readonly event: "sent" | "not_sent"; readonly frame: Json }
  /** A frame of the client reached the gateway, or was lost on the way by a fault. */
  | { readonly event: "received" | "not_received"; readonly frame: Json }
  /** The gateway sent a close frame, or a fault kept it back. */
  | {
    readonly event: "close_sent" | "close_not_sent";
    readonly code: number;
    readonly reason: string;
  }
  /** The connection ended without a close frame of the gateway's: by a fault, or after the grace. */
  | { readonly event: "terminated" }
  /** Nothing passes any more, though the connection is open. */
  | { readonly event: "frozen" }
  /** The connection is gone for the gateway. */
  | { readonly event: "gone" };

/** One line of a transcript. */
export type TranscriptEntry = TranscriptEvent & {
  /** Virtual time in unix milliseconds. */
  readonly at: number;
  /** The name of the connection. */
  readonly connection: string;
};

/** Beyond this many entries the oldest go. */
const MAX_ENTRIES = 100_000;

/** The transcript of all connections, in order. */
export class Transcript {
  readonly #clock: Clock;
  #entries: TranscriptEntry[] = [];

  /** An empty transcript whose entries have the times of `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Everything that is kept, oldest first. */
  get entries(): readonly TranscriptEntry[] {
    return this.#entries;
  }

  /** Adds an entry. */
  add(connection: string, event: TranscriptEvent): void {
    this.#entries.push({ at: this.#clock.now(), connection, ...event });
    if (this.#entries.length > 2 * MAX_ENTRIES) this.#entries = this.#entries.slice(-MAX_ENTRIES);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries = [];
  }
}

/** A WebSocket message as a transcript has it: parsed where it is JSON, else its text or its length. */
export function asFrame(data: string | Uint8Array): Json {
  if (typeof data !== "string") return `${data.byteLength} bytes`;
  try {
    const frame: Json = JSON.parse(data);
    return frame;
  } catch {
    return data;
  }
}
