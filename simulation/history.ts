/**
 * Records every message of a world for the checkers: submitted, notified to subscribers, and still
 * within retention. It asks the disk, never the log.
 *
 * @module
 */

import type { Row } from "../gateway/log/mod.ts";
import type { Draft, Message } from "../gateway/ports.ts";
import type { DiskOptions } from "./disk.ts";
import type { Report } from "./violation.ts";

export interface Content {
  /** Unique in the world, ascending. */
  readonly n: number;
  /** Padding. */
  readonly pad: string;
}

/** The durable state of a disk or a cluster. */
export interface Durable {
  readonly options: DiskOptions;
  readonly epoch: string;
  /** Last durable sequence. */
  readonly head: number;
}

/** Progress of one node in notifying its subscribers. */
export class Progress {
  readonly #report: Report;
  #head: number;
  #before: number;
  #atMs = -1;

  constructor(head: number, report: Report) {
    this.#head = this.#before = head;
    this.#report = report;
  }

  /** Sequence of the last notified message. */
  get head(): number {
    return this.#head;
  }

  /** The head before the millisecond `atMs`. */
  headBefore(atMs: number): number {
    return this.#atMs === atMs ? this.#before : this.#head;
  }

  /** The node notifies of the message `sequence`. */
  advance(sequence: number, atMs: number): void {
    if (sequence !== this.#head + 1) {
      this.#report("total order", `${sequence} follows the message with sequence ${this.#head}`);
    }
    if (this.#atMs !== atMs) this.#before = this.#head;
    this.#atMs = atMs;
    this.#head = sequence;
  }
}

/** A notified message. */
export interface HistoryEntry {
  readonly sequence: number;
  readonly draft: Draft;
  readonly serial: number;
  /** Wall time in the message. */
  readonly time: number;
  /** Time of submission, on the scale of {@linkcode History.wallClockShows}. */
  readonly bornAtMs: number;
  /** Approximate length of its frame. */
  readonly bytes: number;
  /** Text of its frame, once verified. */
  frame: string | undefined;
}

interface Submitted {
  readonly draft: Draft;
  readonly bytes: number;
  readonly bornAtMs: number;
  sequence: number | undefined;
}

export class History {
  /** Messages that arrived at clients. */
  arrivals = 0;
  readonly #disk: Durable;
  readonly #report: Report;
  readonly #submitted = new Map<number, Submitted>();
  /** Index is the sequence less one. */
  readonly #entries: HistoryEntry[] = [];
  #lastSerial = 0;
  #wallMs: number | undefined;
  /** Advances with the wall clock, but never back: an upper bound of every message's age. */
  #ageMs = 0;
  /** Last sequence that a start has compared with the disk. */
  #recoveredThrough = 0;
  /** Entries that retention may have removed by age. */
  #tooOld = 0;

  constructor(disk: Durable, report: Report) {
    this.#disk = disk;
    this.#report = report;
  }

  /** Sequence of the last notified message. */
  get head(): number {
    return this.#entries.length;
  }

  after(sequence: number): readonly HistoryEntry[] {
    return this.#entries.slice(sequence);
  }

  at(sequence: number): HistoryEntry | undefined {
    return this.#entries[sequence - 1];
  }

  /**
   * True if retention cannot have removed anything after `sequence`, whatever the wall clock did.
   */
  isSurelyStored(sequence: number): boolean {
    const oldest = this.#ageMs - this.#disk.options.retentionMs;
    while ((this.#entries[this.#tooOld]?.bornAtMs ?? Infinity) <= oldest) this.#tooOld++;
    return sequence >= Math.max(this.#tooOld, this.#disk.head - this.#disk.options.retentionRows);
  }

  /** Records the wall clock; call before and after it is set. */
  wallClockShows(ms: number): void {
    this.#ageMs += Math.max(0, ms - (this.#wallMs ?? ms));
    this.#wallMs = ms;
  }

  /** Serial of the last message that was submitted. */
  get lastSerial(): number {
    return this.#lastSerial;
  }

  /** The backend is about to publish `draft`. */
  submitted(draft: Draft): void {
    const { n, pad } = contentOf(draft);
    this.#lastSerial = n;
    this.#submitted.set(n, {
      draft,
      bytes: pad.length + 120,
      bornAtMs: this.#ageMs,
      sequence: undefined,
    });
  }

  /** A durable message reaches subscribers. */
  notify(message: Message): HistoryEntry {
    const { sequence, id } = message;
    if (sequence !== this.head + 1) {
      this.#report("total order", `${id} follows the message with sequence ${this.head}`);
    }
    if (sequence > this.#disk.head) {
      this.#report("durable before it is sent", `${id} is sent and not on the disk yet`);
    }
    return this.#add(message);
  }

  /**
   * Compares `rows` of a reopened disk with the notified messages. Messages that a crash left
   * unanswered count from now on.
   */
  recovered(rows: readonly Row[]): void {
    for (const { sequence, time, body } of rows) {
      if (sequence <= this.#recoveredThrough) continue;
      const [author, content]: [string, Content] = JSON.parse(body);
      const draft = this.#submitted.get(content.n)?.draft ?? { author, content: { ...content } };
      if (sequence > this.head) this.#add({ ...draft, id: "", sequence, time });
      else if (this.at(sequence)?.serial !== content.n) {
        this.#report("accepted messages survive a crash", `another message is at ${sequence}`);
      }
    }
    this.#recoveredThrough = this.head;
  }

  accepted(drafts: readonly Draft[], messages: readonly Pick<Message, "id" | "time">[]): void {
    drafts.forEach((draft, index) => {
      const { n } = contentOf(draft);
      const { sequence } = this.#submitted.get(n) ?? {};
      const id = messages[index]?.id;
      if (sequence === undefined || id !== `${this.#disk.epoch}-${sequence}`) {
        const place = sequence === undefined ? "nowhere" : `at ${sequence}`;
        this.#report("201 means stored", `message ${n} was accepted as ${id} and is ${place}`);
      }
    });
  }

  #add(message: Message): HistoryEntry {
    const { sequence, time } = message;
    const { n: serial, pad } = contentOf(message);
    const submitted = this.#submitted.get(serial);
    if (submitted === undefined) {
      return this.#report("every message was submitted", `message ${sequence} was never submitted`);
    }
    const { draft, bytes, bornAtMs } = submitted;
    if (submitted.sequence !== undefined) {
      const twice = `message ${serial} is at ${submitted.sequence} and at ${sequence}`;
      this.#report("published once", twice);
    }
    const same = message.user === draft.user && message.channel === draft.channel &&
      message.author === draft.author && pad === contentOf(draft).pad;
    if (!same) this.#report("stored unchanged", `message ${sequence} has changed`);
    submitted.sequence = sequence;
    const entry = {
      sequence,
      draft,
      serial,
      time,
      bornAtMs,
      bytes,
      frame: undefined,
    };
    this.#entries.push(entry);
    return entry;
  }
}

export function contentOf({ content }: Pick<Draft, "content">): Content {
  if (typeof content === "object" && content !== null && "n" in content && "pad" in content) {
    const { n, pad } = content;
    if (typeof n === "number" && typeof pad === "string") return { n, pad };
  }
  return { n: -1, pad: "" };
}
