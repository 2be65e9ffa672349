/**
 * What happened in a world, one line for each thing, to be read by people and compared byte by byte.
 *
 * @module
 */

import type { OddFrame } from "./pipe.ts";

/** The trace of a world. */
export class Timeline {
  #recording: boolean;
  readonly #startMs: number;
  readonly #now: () => number;
  readonly #lines: string[] = [];

  /** An empty trace; `now` is steady time in milliseconds. */
  constructor(recording: boolean, now: () => number) {
    this.#recording = recording;
    this.#now = now;
    this.#startMs = now();
  }

  /** Whether lines are kept; ask before making one. */
  get recording(): boolean {
    return this.#recording;
  }

  /** Keeps no more lines. */
  end(): void {
    this.#recording = false;
  }

  /** The lines so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Adds a line: `who` did, or was done, `what`. */
  add(who: string, what: string): void {
    if (this.#recording) this.#lines.push(`${this.stamp()}  ${who.padEnd(14)} ${what}`);
  }

  /** The present as it is written in a line: days, hours, minutes, seconds and milliseconds. */
  stamp(atMs: number = this.#now()): string {
    const ms = Math.floor(atMs - this.#startMs);
    const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
    const clock = `${two(ms / 3_600_000 % 24)}:${two(ms / 60_000 % 60)}:${two(ms / 1000 % 60)}`;
    return `${Math.floor(ms / 86_400_000)}d ${clock}.${String(ms % 1000).padStart(3, "0")}`;
  }
}

/** A frame as a line shows it: what only makes it long is left out. */
export function brief(data: string | Uint8Array | OddFrame): string {
  if (data instanceof Uint8Array) return `${data.length} bytes of binary`;
  if (typeof data !== "string") return JSON.stringify(data);
  return data.replace(/x{8,}/g, ({ length }) => `(${length} x)`);
}
