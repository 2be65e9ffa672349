/**
 * Limits the rate of connections by a token bucket for each address, so that clients that connect and fail in
 * a loop do not take the CPU time of others.
 *
 * @module
 */

import type { Clock } from "./ports.ts";

/** The rate at which one address may connect. */
export interface ConnectionRateOptions {
  /** Connections a second in the long run. */
  readonly connectRatePerIp: number;
  /** Connections at once, after enough time without any. */
  readonly connectBurstPerIp: number;
}

/** Tokens that a client's fault costs beside its connection: it takes several times the CPU of a handshake. */
const FAULT_COST = 5;
/** Most buckets; beyond, the oldest is dropped. */
const MAX_ADDRESSES = 100_000;
/** New addresses after which buckets that are full again are dropped. */
const SWEEP_EVERY = 1000;

interface Bucket {
  level: number;
  atMs: number;
}

export class ConnectionRate {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, Bucket>();
  #added = 0;

  constructor(clock: Clock, { connectRatePerIp, connectBurstPerIp }: ConnectionRateOptions) {
    this.#clock = clock;
    this.#perMs = connectRatePerIp / 1000;
    this.#burst = connectBurstPerIp;
  }

  get addresses(): number {
    return this.#buckets.size;
  }

  /** Takes a token for a connection from `address`. Returns `false`, and takes none, above the rate. */
  connected(address: string): boolean {
    const bucket = this.#bucket(address);
    if (bucket.level < 1) return false;
    bucket.level -= 1;
    return true;
  }

  /** Charges `address` for a fault of a client: a refused token, a flood, a frame over a limit. */
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
