/**
 * What a client must and may receive: the guarantee of resuming, said once more and more simply than
 * the gateway does it, from what a client can observe.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Draft } from "../../../gateway/ports.ts";

/** Sequences in which a client sees a channel: certainly after `must`, possibly after `may`. */
interface Span {
  readonly channel: string;
  readonly may: number;
  readonly must: number;
  /** The head of the log when the client left the channel; `undefined` while it is in. */
  readonly until: number | undefined;
}

/** One session of a client, from its Ready on. */
export class SessionModel {
  readonly #all: readonly Draft[];
  readonly #user: string;
  readonly #start: number;
  readonly #received = new Set<number>();
  readonly #spans: Spans;
  #cursor: number;

  /** `all` is what was ever published, in order; a message's sequence is its index and one. */
  constructor(
    all: readonly Draft[],
    { user, start, spans }: { user: string; start: number; spans: Spans },
  ) {
    this.#all = all;
    this.#user = user;
    this.#start = start;
    this.#spans = spans;
    this.#cursor = start;
  }

  /** Up to here the client has everything: what it would resume from. */
  get cursor(): number {
    return this.#cursor;
  }

  /** The client read a message. */
  receive(sequence: number): void {
    assert.ok(sequence > this.#cursor, `${sequence} comes after ${this.#cursor}`);
    const draft = this.#all[sequence - 1];
    assert.ok(draft !== undefined, `${sequence} was never published`);
    assert.ok(this.#may(sequence, draft), `${sequence} is not for this client`);
    this.#cursor = sequence;
    this.#received.add(sequence);
  }

  /** The client read a Ready, in the middle of the session or as its first frame. */
  ready(lastId: number): void {
    assert.ok(lastId >= this.#cursor, `Ready says ${lastId} after ${this.#cursor}`);
    this.#cursor = lastId;
    this.check(lastId);
  }

  /** Everything up to `sequence` that the client had to receive has arrived. */
  check(sequence = this.#cursor): void {
    for (let each = this.#start + 1; each <= sequence; each++) {
      const draft = this.#all[each - 1];
      if (draft === undefined || this.#received.has(each)) continue;
      assert.ok(!this.#must(each, draft), `${each} is missing`);
    }
  }

  #may(sequence: number, { channel, user }: Draft): boolean {
    if (channel === undefined) return user === undefined || user === this.#user;
    return this.#spans.all.some((span) =>
      span.channel === channel && sequence > span.may && sequence <= (span.until ?? Infinity)
    );
  }

  #must(sequence: number, { channel, user }: Draft): boolean {
    if (channel === undefined) return user === undefined || user === this.#user;
    return this.#spans.all.some((span) =>
      span.channel === channel && sequence > span.must && span.until === undefined
    );
  }
}

/** The spans of a client: which channels it is in, and since when. */
export class Spans {
  #spans: Span[];

  /** In `channels` from the beginning of the session. */
  constructor(channels: readonly string[]) {
    this.#spans = channels.map((channel) => ({ channel, may: 0, must: 0, until: undefined }));
  }

  /** All of them, past ones too. */
  get all(): readonly Span[] {
    return this.#spans;
  }

  /** The channels that it is in. */
  get channels(): string[] {
    return this.#spans.flatMap(({ channel, until }) => until === undefined ? [channel] : []);
  }

  /** It enters `channel` while the fan-out is at `fannedOut` and the log at `head`. */
  enter(channel: string, { fannedOut, head }: { fannedOut: number; head: number }): void {
    if (this.channels.includes(channel)) return;
    this.#spans.push({ channel, may: fannedOut, must: head, until: undefined });
  }

  /** It leaves `channel` while the log is at `head`. */
  exit(channel: string, head: number): void {
    this.#spans = this.#spans.map((span) =>
      span.channel === channel && span.until === undefined ? { ...span, until: head } : span
    );
  }
}
