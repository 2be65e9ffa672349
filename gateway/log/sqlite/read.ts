/**
 * Reads a page of some topics: walks the index of each and takes the lowest sequence of all. The cost is that of
 * what is found, not of what lies between.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Tables } from "./tables.ts";
import type { ReadRequest, ReadResult, Row } from "./store_types.ts";

/** Index entries of the first fetch; each later one doubles, up to the page's limit. */
const FIRST_FETCH = 16;
/** More than id, time and field names take in a message's JSON. */
const FRAME_BYTES = 160;

export type Index = Pick<Tables, "prunedThrough" | "row" | "sequences">;

export function readPage(tables: Index, request: ReadRequest): ReadResult {
  const after = request.after ?? tables.prunedThrough;
  if (after < tables.prunedThrough) return "expired";
  let cursors = request.topics.map((topic) => new Cursor(tables, topic, { ...request, after }));
  const rows: Row[] = [];
  let bytes = 0;
  for (;;) {
    cursors = cursors.filter((cursor) => cursor.head < Infinity);
    const first = least(cursors);
    if (first === undefined) return { rows, more: false };
    if (rows.length >= Math.max(1, request.limit)) return { rows, more: true };
    const row = tables.row(first.head);
    bytes += Buffer.byteLength(row.topic) + Buffer.byteLength(row.body) + FRAME_BYTES;
    if (bytes > request.maxBytes && rows.length > 0) return { rows, more: true };
    rows.push(row);
    first.advance();
  }
}

function least(cursors: readonly Cursor[]): Cursor | undefined {
  let least = cursors[0];
  for (const cursor of cursors) {
    if (least === undefined || cursor.head < least.head) least = cursor;
  }
  return least;
}

class Cursor {
  readonly #tables: Index;
  readonly #topic: string;
  readonly #through: number;
  readonly #maxFetch: number;
  #fetched: readonly number[] = [];
  #index = 0;
  #fetch = FIRST_FETCH;
  #ended = false;
  #head: number;

  constructor(
    tables: Index,
    topic: string,
    range: { readonly after: number; readonly through: number; readonly limit: number },
  ) {
    this.#tables = tables;
    this.#topic = topic;
    this.#through = range.through;
    // One more than the page holds tells whether there is another page.
    this.#maxFetch = range.limit + 1;
    this.#head = range.after;
    this.advance();
  }

  /** The current sequence; `Infinity` past the last. */
  get head(): number {
    return this.#head;
  }

  advance(): void {
    if (this.#index === this.#fetched.length && !this.#ended) {
      const limit = Math.min(this.#fetch, this.#maxFetch);
      const range = { after: this.#head, through: this.#through, limit };
      this.#fetched = this.#tables.sequences(this.#topic, range);
      this.#ended = this.#fetched.length < limit;
      this.#fetch = limit * 2;
      this.#index = 0;
    }
    this.#head = this.#fetched[this.#index++] ?? Infinity;
  }
}
