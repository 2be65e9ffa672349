/**
 * Simulates one direction of a connection: packets arrive later, whole and in order, as over TCP.
 * It can be paused, for a while or for good.
 *
 * @module
 */

import type { ViolationCode } from "../gateway/protocol/mod.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Random } from "../mock/chaos/random.ts";

/** A message, another frame, a close frame, or the end without one. */
export type Packet =
  | string
  | Uint8Array
  | OddFrame
  | { readonly kind: "close"; readonly code: number }
  | { readonly kind: "reset" };

/** A frame that is no message: a ping or pong, or a violation of RFC 6455. */
export type OddFrame =
  | { readonly kind: "control" }
  | { readonly kind: "violation"; readonly code: ViolationCode };

/** Bytes that the kernels of both sides buffer of a direction that is not read. */
export const WINDOW_BYTES: number = 16 * 1024;

/** Network conditions of a link. */
export interface Weather {
  /** Minimum latency of a packet, in milliseconds. */
  readonly latencyMs: number;
  /** Some packets take seconds. */
  readonly spikes: boolean;
}

export interface PipeOptions {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly weather: Weather;
  readonly deliver: (packet: Packet) => void;
  /** Called when nothing is backed up any more. */
  readonly flushed?: () => void;
  /** Delivers all due packets in one turn, for a receiver that has nothing to settle. */
  readonly batches?: boolean;
}

export class Pipe {
  readonly #options: PipeOptions;
  readonly #clock: FakeClock;
  readonly #packets: {
    readonly packet: Packet;
    readonly dueMs: number;
    readonly bytes: number;
  }[] = [];
  #lastDueMs = 0;
  #armed = false;
  #pauses = 0;
  #inFlightBytes = 0;
  #backedUpAtMs = -Infinity;
  #bytesPerMs = Infinity;

  constructor(options: PipeOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** Bytes beyond the kernels' buffers, which the sender's runtime must hold. */
  get backedUpBytes(): number {
    return Math.max(0, this.#inFlightBytes - WINDOW_BYTES);
  }

  /** Steady time at which it was last backed up, in milliseconds. */
  get backedUpAtMs(): number {
    return this.backedUpBytes > 0 ? this.#clock.steady() : this.#backedUpAtMs;
  }

  push(packet: Packet, bytes: number): void {
    // Whole milliseconds, so that a client's actions fall on them regardless of their cause.
    const dueMs = Math.max(this.#lastDueMs, Math.floor(this.#clock.steady()) + this.#travelMs()) +
      Math.ceil(bytes / this.#bytesPerMs);
    this.#lastDueMs = dueMs;
    this.#inFlightBytes += bytes;
    this.#packets.push({ packet, dueMs, bytes });
    this.#arm();
  }

  /** Holds all packets; needs as many calls of {@linkcode resume}. */
  pause(): void {
    this.#pauses++;
  }

  resume(): void {
    this.#pauses--;
    this.#arm();
  }

  /** Limits the bandwidth from now on. */
  throttle(bytesPerMs: number): void {
    this.#bytesPerMs = bytesPerMs;
  }

  /** Silently drops everything from now on. */
  kill(): void {
    this.#pauses = Infinity;
  }

  #arm(): void {
    const [head] = this.#packets;
    if (this.#armed || this.#pauses > 0 || head === undefined) return;
    this.#armed = true;
    const delayMs = Math.max(0, head.dueMs - this.#clock.steady());
    this.#clock.setTimer(delayMs, () => this.#arrive());
  }

  #arrive(): void {
    this.#armed = false;
    this.#deliverNext();
    while (this.#options.batches && this.#isDue()) this.#deliverNext();
    this.#arm();
  }

  #isDue(): boolean {
    return this.#pauses === 0 && (this.#packets[0]?.dueMs ?? Infinity) <= this.#clock.steady();
  }

  #deliverNext(): void {
    const head = this.#pauses > 0 ? undefined : this.#packets.shift();
    if (head === undefined) return;
    const backedUp = this.backedUpBytes > 0;
    if (backedUp) this.#backedUpAtMs = this.#clock.steady();
    this.#inFlightBytes -= head.bytes;
    this.#options.deliver(head.packet);
    if (backedUp && this.backedUpBytes === 0) this.#options.flushed?.();
  }

  #travelMs(): number {
    const { random, weather: { latencyMs, spikes } } = this.#options;
    const luck = random.unit();
    if (spikes && luck > 0.998) return latencyMs + Math.floor((luck - 0.998) * 4_000_000);
    return latencyMs + Math.floor(luck * luck * 30);
  }
}
