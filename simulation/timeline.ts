/**
 * Records a world's events, one per line, for people and for byte-by-byte comparison.
 *
 * @module
 */

import type { OddFrame } from "./pipe.ts";

export class Timeline {
  #recording: boolean;
  readonly #startMs: number;
  readonly #now: () => number;
  readonly #lines: string[] = [];

  /** `now` is steady time in milliseconds. */
  constructor(recording: boolean, now: () => number) {
    this.#recording = recording;
    this.#now = now;
    this.#startMs = now();
  }

  /** Check before composing a line. */
  get recording(): boolean {
    return this.#recording;
  }

  /** Stops recording. */
  end(): void {
    this.#recording = false;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Adds a line, if recording. */
  add(who: string, what: string): void {
    if (this.#recording) this.#lines.push(`${this.stamp()}  ${who.padEnd(14)} ${what}`);
  }

  /** Formats a time as days, hours, minutes, seconds and milliseconds since the start. */
  stamp(atMs: number = this.#now()): string {
    const ms = Math.floor(atMs - this.#startMs);
    const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
    const clock = `${two(ms / 3_600_000 % 24)}:${two(ms / 60_000 % 60)}:${two(ms / 1000 % 60)}`;
    return `${Math.floor(ms / 86_400_000)}d ${clock}.${String(ms % 1000).padStart(3, "0")}`;
  }
}

/** Formats a frame, without padding. */
export function brief(data: string | Uint8Array | OddFrame): string {
  if (data instanceof Uint8Array) return `${data.length} bytes of binary`;
  if (typeof data !== "string") return JSON.stringify(data);
  return data.replace(/x{8,}/g, ({ length }) => `(${length} x)`);
}
