/**
 * Reads the write-ahead log as SQLite's recovery does: how far it is intact, and whether it still is. The format
 * is section 4 of sqlite.org/fileformat2.html. Writes nothing.
 *
 * SQLite neither reads a frame back when it commits nor verifies checksums when it copies frames into the
 * database. It holds no lock on this file, so a second descriptor is safe; closing one of the database file would
 * release the lock on that.
 *
 * @module
 */

import { closeSync, openSync, readSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Checksums over little-endian words, as on every machine that Deno runs on. */
const MAGIC = 0x377f0682;
const PAGE_BYTES = 4096;
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;
const FRAMES_AT_ONCE = 64;

/** A position between two frames, at the end of a commit. */
interface WalPosition {
  /** Changes each time that SQLite restarts at the beginning of the file. */
  readonly salt: bigint;
  readonly frames: number;
  /** The checksum up to here. */
  readonly sum: Sum;
}

type Sum = readonly [number, number];

const NOWHERE: WalPosition = { salt: -1n, frames: 0, sum: [0, 0] };

export class Wal {
  readonly #descriptor: number;
  readonly #buffer = new ArrayBuffer(FRAMES_AT_ONCE * FRAME_BYTES);
  readonly #view = new DataView(this.#buffer);
  readonly #words = new Int32Array(this.#buffer);
  #end = NOWHERE;

  constructor(path: string) {
    this.#descriptor = openSync(path, "r");
  }

  /** Frames up to the end of the last commit that was read. */
  get frames(): number {
    return this.#end.frames;
  }

  /** The size of a file with {@linkcode frames}, in bytes. */
  get minBytes(): number {
    return this.#end === NOWHERE ? 0 : HEADER_BYTES + this.#end.frames * FRAME_BYTES;
  }

  /** Reads on since the last call; returns whether there is another complete commit. */
  follow(): boolean {
    const start = this.#start();
    if (start === undefined) return false;
    const before = start.salt === this.#end.salt ? this.#end : start;
    const end = this.#walk(before, Infinity);
    const more = end.salt !== this.#end.salt || end.frames > this.#end.frames;
    this.#end = end;
    return more;
  }

  /** Reads everything again; returns whether it is unchanged. */
  isIntact(): boolean {
    const { salt, frames, sum } = this.#end;
    if (this.#end === NOWHERE) return true;
    const start = this.#start();
    if (start?.salt !== salt) return false;
    const end = this.#walk(start, frames);
    return end.frames === frames && end.sum[0] === sum[0] && end.sum[1] === sum[1];
  }

  /** Starts over, after SQLite has truncated the file. */
  restart(): void {
    this.#end = NOWHERE;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  /** The position before the first frame; `undefined` if the header is incomplete. */
  #start(): WalPosition | undefined {
    if (this.#read(0, HEADER_BYTES) < HEADER_BYTES) return undefined;
    const view = this.#view;
    const sum = this.#sum([0, 0], 0, HEADER_BYTES - 8);
    const whole = view.getUint32(0) === MAGIC && view.getUint32(8) === PAGE_BYTES &&
      this.#hasSum(sum, HEADER_BYTES - 8);
    return whole ? { salt: view.getBigUint64(16), frames: 0, sum } : undefined;
  }

  /** The end of the last commit after `from`, within the first `max` frames of the file. */
  #walk(from: WalPosition, max: number): WalPosition {
    let committed = from;
    let { frames, sum } = from;
    while (frames < max) {
      const wanted = Math.min(FRAMES_AT_ONCE, max - frames) * FRAME_BYTES;
      const bytes = this.#read(HEADER_BYTES + frames * FRAME_BYTES, wanted);
      for (let at = 0; at + FRAME_BYTES <= bytes; at += FRAME_BYTES) {
        if (this.#view.getBigUint64(at + 8) !== from.salt) return committed;
        sum = this.#sum(this.#sum(sum, at, 8), at + FRAME_HEADER_BYTES, PAGE_BYTES);
        if (!this.#hasSum(sum, at + 16)) return committed;
        frames++;
        // Only the last frame of a commit has the database's size in pages.
        if (this.#view.getUint32(at + 4) > 0) committed = { salt: from.salt, frames, sum };
      }
      if (bytes < wanted) return committed;
    }
    return committed;
  }

  /** Returns how many bytes were read; a read error counts as the end. */
  #read(position: number, length: number): number {
    try {
      return readSync(this.#descriptor, this.#view, 0, length, position);
    } catch {
      return 0;
    }
  }

  #hasSum([first, second]: Sum, at: number): boolean {
    return this.#view.getInt32(at) === first && this.#view.getInt32(at + 4) === second;
  }

  #sum([first, second]: Sum, at: number, length: number): Sum {
    const words = this.#words;
    const end = (at + length) / 4;
    for (let index = at / 4; index < end; index += 2) {
      first = (first + (words[index] ?? 0) + second) | 0;
      second = (second + (words[index + 1] ?? 0) + first) | 0;
    }
    return [first, second];
  }
}
