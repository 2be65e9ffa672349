/**
 * Bounds what the bodies of all requests hold together while they arrive. The transports count; nothing
 * here reads.
 *
 * @module
 */

import type { BodyBudget, BodyShare } from "../ports.ts";

/** Room for 32 bodies of 4 MiB that have all but arrived, or for 1,024 that have begun. */
const DEFAULT_TOTAL_BYTES = 128 * 1024 * 1024;
/**
 * What a body counts for at least. One that has only begun costs 200 KB on `Deno.serve` (measured with
 * 2.9.6), of which 64 KiB are the buffer that it is read into, and 30 KB on node:http.
 */
export const MIN_BODY_BYTES: number = 128 * 1024;

/** What bodies may hold together, and what they do. */
export class TotalBodyBudget implements BodyBudget {
  readonly #totalBytes: number;
  #heldBytes = 0;
  #refused = 0;

  /** @param totalBytes 128 MiB unless given */
  constructor(totalBytes: number = DEFAULT_TOTAL_BYTES) {
    this.#totalBytes = totalBytes;
  }

  /** What bodies hold now, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** How many bodies there was no room for. */
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
