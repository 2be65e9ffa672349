/**
 * Checks the position that Ready gives: a session resumes from a known id, or starts at the head of its node.
 *
 * @module
 */

import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Durable, History, Progress } from "./history.ts";
import type { Report } from "./violation.ts";

/** The fields of a Ready frame that are checked. */
export interface Ready {
  readonly user: string;
  readonly last_id: string;
  readonly resumed?: boolean;
}

export interface ReadyCheckDeps {
  readonly clock: FakeClock;
  readonly durable: Durable;
  readonly history: History;
  readonly report: Report;
}

/** The `last_id` of Identify that a Ready answers, and the session that it starts. */
export interface Started {
  readonly connection: number;
  readonly lastId: string | undefined;
  readonly progress: Progress;
}

export class ReadyCheck {
  readonly #deps: ReadyCheckDeps;

  constructor(deps: ReadyCheckDeps) {
    this.#deps = deps;
  }

  /** Returns the sequence after which the session is sent messages. */
  startAfter(frame: Ready, started: Started): number {
    return frame.resumed === true
      ? this.#resumedAfter(frame, started)
      : this.#headAfter(frame, started);
  }

  /** `undefined` for an id that this log did not make. */
  sequenceOf(id: string): number | undefined {
    const [, epoch, digits] = /^([0-9a-z]+)-(0|[1-9]\d{0,14})$/.exec(id) ?? [];
    return epoch === this.#deps.durable.epoch ? Number(digits) : undefined;
  }

  /** True if retention cannot have removed anything after `sequence` yet. */
  isSurelyStored(sequence: number): boolean {
    const { history, clock } = this.#deps;
    history.wallClockShows(clock.now());
    return history.isSurelyStored(sequence);
  }

  #resumedAfter(frame: Ready, { connection, lastId }: Started): number {
    const after = lastId === undefined ? undefined : this.sequenceOf(lastId);
    if (after === undefined || after > this.#deps.history.head || frame.last_id !== lastId) {
      const explanation = `resumed from ${lastId}, says ${frame.last_id}`;
      return this.#deps.report("only a known id is resumed", explanation, connection);
    }
    return after;
  }

  #headAfter(frame: Ready, { connection, lastId, progress }: Started): number {
    const { clock, history, report } = this.#deps;
    const asked = lastId === undefined ? undefined : this.sequenceOf(lastId);
    if (asked !== undefined && asked <= history.head && this.isSurelyStored(asked)) {
      const explanation = `${lastId} was not resumed, though all is stored since`;
      report("what is stored is resumed", explanation, connection);
    }
    const after = this.sequenceOf(frame.last_id) ?? Infinity;
    // A fan-out that yields may be a little behind, within the same millisecond.
    if (after > progress.head || after < progress.headBefore(clock.steady())) {
      const explanation = `Ready says ${frame.last_id}, the head is ${progress.head}`;
      report("a new session starts at the head", explanation, connection);
    }
    return after;
  }
}
