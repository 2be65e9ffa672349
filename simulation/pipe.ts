/**
 * One direction of a virtual connection: what is put in comes out later, whole and in order, as TCP has
 * it. It may stand still for a while, or for good.
 *
 * @module
 */

import type { ViolationCode } from "../gateway/protocol/mod.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Random } from "./random.ts";

/** What travels: a message, something else of the peer, a close frame, or the end without one. */
export type Packet =
  | string
  | Uint8Array
  | OddFrame
  | { readonly kind: "close"; readonly code: number }
  | { readonly kind: "reset" };

/** What a peer sends that is no message: a ping or pong, or what breaks RFC 6455. */
export type OddFrame =
  | { readonly kind: "control" }
  | { readonly kind: "violation"; readonly code: ViolationCode };

/** What the kernels of both sides hold of a direction that is not read, in bytes. */
export const WINDOW_BYTES: number = 16 * 1024;

/** What the network of a link is like. */
export interface Weather {
  /** The least time that a packet takes, in milliseconds. */
  readonly latencyMs: number;
  /** Whether some packets take seconds. */
  readonly spikes: boolean;
}

/** A direction of a connection. */
export class Pipe {
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #deliver: (packet: Packet) => void;
  readonly #flushed: () => void;
  readonly #batches: boolean;
  #packets: { readonly packet: Packet; readonly dueMs: number; readonly bytes: number }[] = [];
  #first = 0;
  #lastDueMs = 0;
  #armed = false;
  #pauses = 0;
  #inFlightBytes = 0;
  #backedUpAtMs = -Infinity;
  #bytesPerMs = Infinity;

  /** An empty pipe that hands what arrives to `deliver`. */
  constructor(
    parts: {
      readonly clock: FakeClock;
      readonly random: Random;
      readonly weather: Weather;
      readonly deliver: (packet: Packet) => void;
      /** Told when nothing is backed up any more. */
      readonly flushed?: () => void;
      /** Whether what is due at once arrives in one turn, for a receiver that has nothing to settle. */
      readonly batches?: boolean;
    },
  ) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#weather = parts.weather;
    this.#deliver = parts.deliver;
    this.#flushed = parts.flushed ?? (() => {});
    this.#batches = parts.batches ?? false;
  }

  /** Bytes that nobody's kernel takes, so that the sender's runtime has to hold them. */
  get backedUpBytes(): number {
    return Math.max(0, this.#inFlightBytes - WINDOW_BYTES);
  }

  /** When it was last backed up, in steady milliseconds. */
  get backedUpAtMs(): number {
    return this.backedUpBytes > 0 ? this.#clock.steady() : this.#backedUpAtMs;
  }

  /** Puts a packet in. */
  push(packet: Packet, bytes: number): void {
    // Whole milliseconds, so that what clients do falls on them whenever it was set off.
    const dueMs = Math.max(this.#lastDueMs, Math.floor(this.#clock.steady()) + this.#travelMs()) +
      Math.ceil(bytes / this.#bytesPerMs);
    this.#lastDueMs = dueMs;
    this.#inFlightBytes += bytes;
    this.#packets.push({ packet, dueMs, bytes });
    this.#arm();
  }

  /** Nothing comes out until as many calls of {@linkcode resume}. */
  pause(): void {
    this.#pauses++;
  }

  /** Undoes one {@linkcode pause}. */
  resume(): void {
    this.#pauses--;
    this.#arm();
  }

  /** Carries no more than this from now on. */
  throttle(bytesPerMs: number): void {
    this.#bytesPerMs = bytesPerMs;
  }

  /** Nothing comes out any more, and nobody is told. */
  kill(): void {
    this.#pauses = Infinity;
  }

  #arm(): void {
    const head = this.#packets[this.#first];
    if (this.#armed || this.#pauses > 0 || head === undefined) return;
    this.#armed = true;
    const delayMs = Math.max(0, head.dueMs - this.#clock.steady());
    this.#clock.setTimer(delayMs, () => this.#arrive());
  }

  #arrive(): void {
    this.#armed = false;
    this.#deliverNext();
    while (this.#batches && this.#isDue()) this.#deliverNext();
    this.#arm();
  }

  #isDue(): boolean {
    const head = this.#packets[this.#first];
    return this.#pauses === 0 && head !== undefined && head.dueMs <= this.#clock.steady();
  }

  #deliverNext(): void {
    const head = this.#packets[this.#first];
    if (this.#pauses > 0 || head === undefined) return;
    this.#first++;
    if (this.#first === this.#packets.length) {
      this.#packets = [];
      this.#first = 0;
    }
    const backedUp = this.backedUpBytes > 0;
    if (backedUp) this.#backedUpAtMs = this.#clock.steady();
    this.#inFlightBytes -= head.bytes;
    this.#deliver(head.packet);
    if (backedUp && this.backedUpBytes === 0) this.#flushed();
  }

  #travelMs(): number {
    const { latencyMs, spikes } = this.#weather;
    const luck = this.#random.unit();
    if (spikes && luck > 0.998) return latencyMs + Math.floor((luck - 0.998) * 4_000_000);
    return latencyMs + Math.floor(luck * luck * 30);
  }
}
