/**
 * Reads the write-ahead log as a recovery of SQLite would: how far it is whole, and whether that is still so.
 * The format is section 4 of sqlite.org/fileformat2.html. Nothing is written here.
 *
 * SQLite itself trusts what it once wrote: it neither reads a frame back when it commits nor looks at the
 * checksums when it copies frames into the database. It holds no lock on this file, so that a second descriptor
 * does no harm; closing one of the database file would release the lock on that.
 *
 * @module
 */

import { closeSync, openSync, readSync } from "node:fs";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** With checksums over little-endian words, as every machine writes it that Deno runs on. */
const MAGIC = 0x377f0682;
const PAGE_BYTES = 4096;
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;
const FRAMES_AT_ONCE = 64;

/** A place between two frames, where the last commit before it ends. */
interface Place {
  /** Differs each time that SQLite begins again at the start of the file. */
  readonly salt: bigint;
  readonly frames: number;
  /** The checksum of everything up to here. */
  readonly sum: Sum;
}

type Sum = readonly [number, number];

const NOWHERE: Place = { salt: -1n, frames: 0, sum: [0, 0] };

/** The write-ahead log of one database. */
export class Wal {
  readonly #descriptor: number;
  readonly #buffer = new ArrayBuffer(FRAMES_AT_ONCE * FRAME_BYTES);
  readonly #view = new DataView(this.#buffer);
  readonly #words = new Int32Array(this.#buffer);
  #end = NOWHERE;

  /** Opens the file, and reads nothing. */
  constructor(path: string) {
    this.#descriptor = openSync(path, "r");
  }

  /** The frames up to the end of the last commit that was read. */
  get frames(): number {
    return this.#end.frames;
  }

  /** The least size of the file that has them, in bytes. */
  get minBytes(): number {
    return this.#end === NOWHERE ? 0 : HEADER_BYTES + this.#end.frames * FRAME_BYTES;
  }

  /** Reads what was written since the last call. Returns whether there is a commit more that is whole. */
  follow(): boolean {
    const start = this.#start();
    if (start === undefined) return false;
    const before = start.salt === this.#end.salt ? this.#end : start;
    const end = this.#walk(before, Infinity);
    const more = end.salt !== this.#end.salt || end.frames > this.#end.frames;
    this.#end = end;
    return more;
  }

  /** Reads everything again that was followed. Returns whether it is what it was. */
  isIntact(): boolean {
    const { salt, frames, sum } = this.#end;
    if (this.#end === NOWHERE) return true;
    const start = this.#start();
    if (start?.salt !== salt) return false;
    const end = this.#walk(start, frames);
    return end.frames === frames && end.sum[0] === sum[0] && end.sum[1] === sum[1];
  }

  /** Forgets what was read: SQLite has emptied the file. */
  restart(): void {
    this.#end = NOWHERE;
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.#descriptor);
  }

  /** The place before the first frame; `undefined` where the header is not whole. */
  #start(): Place | undefined {
    if (this.#read(0, HEADER_BYTES) < HEADER_BYTES) return undefined;
    const view = this.#view;
    const sum = this.#sum([0, 0], 0, HEADER_BYTES - 8);
    const whole = view.getUint32(0) === MAGIC && view.getUint32(8) === PAGE_BYTES &&
      this.#hasSum(sum, HEADER_BYTES - 8);
    return whole ? { salt: view.getBigUint64(16), frames: 0, sum } : undefined;
  }

  /** The end of the last commit after `from`, of the first `max` frames of the file. */
  #walk(from: Place, max: number): Place {
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
        // The last frame of a commit says how many pages the database then has.
        if (this.#view.getUint32(at + 4) > 0) committed = { salt: from.salt, frames, sum };
      }
      if (bytes < wanted) return committed;
    }
    return committed;
  }

  /** Bytes that were read; what the disk does not give is not there. */
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
