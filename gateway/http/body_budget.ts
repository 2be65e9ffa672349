/**
 * Bounds the memory of request bodies: of one, and of all while they arrive. The transports read and count.
 *
 * @module
 */

import type { BodyBudget, BodyShare } from "../ports.ts";

/** Longest body of a request. */
export const MAX_BODY_BYTES: number = 4 * 1024 * 1024;
/** Room for 32 of the longest bodies, or for 1,024 that have begun. */
export const MAX_TOTAL_BODY_BYTES: number = 128 * 1024 * 1024;
/**
 * A body counts for at least this. One that has only begun costs 200 KB on `Deno.serve` (measured with
 * 2.9.6), of which 64 KiB are the buffer that it is read into, and 30 KB on node:http.
 */
export const MIN_BODY_BYTES: number = 128 * 1024;

export class TotalBodyBudget implements BodyBudget {
  readonly #totalBytes: number;
  #heldBytes = 0;
  #refused = 0;

  constructor(totalBytes: number = MAX_TOTAL_BODY_BYTES) {
    this.#totalBytes = totalBytes;
  }

  /** The sum over all bodies. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The number of bodies refused so far. */
  get refused(): number {
    return this.#refused;
  }

  begin(): BodyShare | undefined {
    if (!this.#grow(MIN_BODY_BYTES)) return undefined;
    let heldBytes = MIN_BODY_BYTES;
    return {
      holds: (bytes) => {
        if (bytes <= heldBytes) return true;
        if (!this.#grow(bytes - heldBytes)) return false;
        heldBytes = bytes;
        return true;
      },
      release: () => {
        this.#heldBytes -= heldBytes;
        heldBytes = 0;
      },
    };
  }

  #grow(bytes: number): boolean {
    const fits = this.#heldBytes + bytes <= this.#totalBytes;
    if (fits) this.#heldBytes += bytes;
    else this.#refused++;
    return fits;
  }
}
