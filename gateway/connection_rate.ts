/**
 * How often one address may connect: a token bucket for each, so that a few clients that connect and fail
 * in a loop do not take the time of everybody else.
 *
 * Counts only; what becomes of a connection that comes too soon is for whoever asks.
 *
 * @module
 */

import type { Clock } from "./ports.ts";

/** The rate for each address. */
export interface ConnectionRateOptions {
  /** Connections a second in the long run. */
  readonly connectRatePerIp: number;
  /** Connections at once after a quiet time. */
  readonly connectBurstPerIp: number;
}

/** What a client's fault counts beside its connection: dealing with it costs several times a handshake. */
const FAULT_COST = 5;
/** Most addresses that are remembered; beyond, the one that was remembered first is forgotten. */
const MAX_ADDRESSES = 100_000;
/** New addresses after which those whose bucket is full again are forgotten. */
const SWEEP_EVERY = 1000;

interface Bucket {
  level: number;
  atMs: number;
}

/** The buckets. */
export class ConnectionRate {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();
  #added = 0;

  /** Every bucket is full. */
  constructor(clock: Clock, { connectRatePerIp, connectBurstPerIp }: ConnectionRateOptions) {
    this.#clock = clock;
    this.#perMs = connectRatePerIp / 1000;
    this.#burst = connectBurstPerIp;
  }

  /** How many addresses are remembered. */
  get addresses(): number {
    return this.#buckets.size;
  }

  /** Counts a connection of `address`. Returns whether it is within the rate; if not, it does not count. */
  connected(address: string): boolean {
    const bucket = this.#bucket(address);
    if (bucket.level < 1) return false;
    bucket.level -= 1;
    return true;
  }

  /** Counts a fault of a client at `address`: a token that was refused, a flood, a frame over a limit. */
  atFault(address: string): void {
    const bucket = this.#bucket(address);
    bucket.level = Math.max(0, bucket.level - FAULT_COST);
  }

  #bucket(address: string): Bucket {
    const now = this.#clock.steady();
    const known = this.#buckets.get(address);
    if (known !== undefined) {
      known.level = this.#levelAt(known, now);
      known.atMs = now;
      return known;
    }
    this.#makeRoom(now);
    const bucket = { level: this.#burst, atMs: now };
    this.#buckets.set(address, bucket);
    return bucket;
  }

  #levelAt({ level, atMs }: Bucket, now: number): number {
    return Math.min(this.#burst, level + (now - atMs) * this.#perMs);
  }

  #makeRoom(now: number): void {
    this.#added += 1;
    if (this.#added % SWEEP_EVERY === 0) {
      for (const [address, bucket] of this.#buckets) {
        if (this.#levelAt(bucket, now) >= this.#burst) this.#buckets.delete(address);
      }
    }
    if (this.#buckets.size < MAX_ADDRESSES) return;
    for (const address of this.#buckets.keys()) {
      this.#buckets.delete(address);
      break;
    }
  }
}
