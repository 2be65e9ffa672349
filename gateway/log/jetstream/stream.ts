/**
 * The stream in NATS: appends entries, finds them, and follows its end.
 *
 * Knows entries by number and subject, not sequences, subscribers or audiences. Every failure is an
 * {@linkcode OperationalError}.
 *
 * @module
 */

import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  jetstream,
  type JetStreamClient,
  type JetStreamManager,
  type PubAck,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { OperationalError } from "../../errors.ts";
import type { Clock, Logger } from "../../ports.ts";
import { delay, toError } from "../../util.ts";
import { decodeEntry, type LogEntry } from "./entry.ts";
import { Tail } from "./tail.ts";

export interface NumberedEntry {
  /** From 1. */
  readonly number: number;
  /** Empty if no gateway wrote it. */
  readonly entry: LogEntry;
  /** Its size. */
  readonly bytes: number;
}

export interface StreamDeps {
  /** The stream does not close it. */
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly name: string;
  /** The prefix of its subjects. */
  readonly subject: string;
  /** Differs if the stream was deleted and created again. */
  readonly epoch: string;
  /** Logs the state of the connection, of which one stream is enough. */
  readonly logsConnection: boolean;
}

export const ANSWER_TIMEOUT_MS = 5000;
const WRITE_TRIES = 16;
const WRITE_AGAIN_MS = 250;
const FETCH_EXPIRES_MS = 2000;
const IDLE_CONSUMER_NANOS = 10_000_000_000;
/** Removes a consumer whose creation was not answered. */
const IDLE_TAIL_MS = 30_000;
/** Timeouts of each try of a read-only request. Without a leader it is not answered, and soon may be. */
const TRIES_MS: readonly number[] = [500, 1000, 1000, 2500];
const ANY_SUBJECT = ">";
const FETCH_AT_ONCE = 1000;
const TIMED_OUT = Symbol("no answer");
/** JetStream API error: no message found. */
const NO_MESSAGE = 10037;

export class Stream {
  readonly #deps: StreamDeps;
  readonly #client: JetStreamClient;
  #connected = true;
  #losses = 0;
  /** Rejects pending requests when the connection is lost. */
  readonly #asking = new Set<(error: OperationalError) => void>();
  #replaced = false;
  #tail: Tail | undefined;

  constructor(deps: StreamDeps) {
    this.#deps = deps;
    this.#client = jetstream(deps.nats, { timeout: ANSWER_TIMEOUT_MS });
    void this.#watchConnection();
  }

  /** The first number that is stored, or the next if none is, and the last that ever was. */
  async range(): Promise<{ readonly first: number; readonly last: number }> {
    const { manager, name, epoch, logger } = this.#deps;
    const { state, config } = await this.#requestWithRetry(() => manager.streams.info(name));
    if (epochOf(config) !== epoch) {
      if (!this.#replaced) logger.error("the stream was replaced; restart the gateway");
      this.#replaced = true;
      throw replaced();
    }
    // A stream that never had an entry reports a first number of 0.
    const { messages, first_seq: first, last_seq: last } = state;
    return { first: messages === 0 ? last + 1 : first, last };
  }

  /** Appends an entry; with `id` once, and a repetition returns the first one's number. */
  async append(
    bytes: Uint8Array,
    { subject, id }: { readonly subject: string; readonly id: string | undefined },
  ): Promise<{ readonly number: number; readonly repeated: boolean }> {
    const { name, nats } = this.#deps;
    const max = (nats.info?.max_payload ?? 2 ** 20) - 1024;
    if (bytes.byteLength > max) {
      throw new OperationalError(
        "publish_too_large",
        `this publish takes ${bytes.byteLength} bytes, and NATS takes ${max} at once (max_payload)`,
      );
    }
    const write = (): Promise<PubAck> =>
      this.#client.publish(`${this.#deps.subject}.${subject}`, bytes, {
        timeout: ANSWER_TIMEOUT_MS,
        expect: { streamName: name },
        // A retry after a timeout could store it twice.
        retries: 1,
        ...id === undefined ? {} : { msgID: id },
      });
    const { seq, duplicate } = await this.#ask(() => this.#publishWithRetry(write));
    return { number: seq, repeated: duplicate };
  }

  /**
   * Retries only while NATS reports no responders, as when a cluster elects a leader: after a timeout the
   * entry may be stored already. Stops once the connection was lost, because the publisher was answered then.
   */
  async #publishWithRetry(write: () => Promise<PubAck>): Promise<PubAck> {
    const losses = this.#losses;
    for (let tries = 1;; tries++) {
      try {
        return await write();
      } catch (error) {
        if (!isNoResponders(error) || tries === WRITE_TRIES) throw error;
      }
      await delay(this.#deps.clock, WRITE_AGAIN_MS);
      if (losses !== this.#losses) throw unavailable("the connection to NATS was lost");
    }
  }

  /** The entry `number`, if it is still stored. Asks the stream's leader, which has them all. */
  async entry(number: number): Promise<LogEntry | undefined> {
    return (await this.#get({ seq: number }))?.entry;
  }

  /** The first entry under `subject` from number `from` on. */
  next(subject: string, from: number): Promise<NumberedEntry | undefined> {
    return this.#get({ seq: from, next_by_subj: `${this.#deps.subject}.${subject}` });
  }

  /**
   * Up to `count` entries under `subject` from number `from` on. Fewer do not mean the end, because a
   * lagging replica may answer; only {@linkcode next} finds it.
   */
  async some(
    subject: string,
    { from, count }: { readonly from: number; readonly count: number },
  ): Promise<readonly NumberedEntry[]> {
    const { manager, name } = this.#deps;
    const info = await this.#requestWithRetry(() =>
      manager.consumers.add(name, {
        ack_policy: AckPolicy.None,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: from,
        filter_subject: `${this.#deps.subject}.${subject}`,
        inactive_threshold: IDLE_CONSUMER_NANOS,
        mem_storage: true,
        num_replicas: 1,
      })
    );
    const expected = Math.min(count, info.num_pending);
    try {
      const consumer = this.#client.consumers.getConsumerFromInfo(info);
      return expected === 0 ? [] : await this.#ask(() => this.#fetch(consumer, expected));
    } finally {
      // Not awaited: NATS removes an idle consumer by itself.
      manager.consumers.delete(name, info.name).catch(() => {});
    }
  }

  /** Every entry that is stored now. */
  async all(): Promise<readonly LogEntry[]> {
    const entries: LogEntry[] = [];
    const { first, last } = await this.range();
    for (let from = first; from <= last;) {
      let found = await this.some(ANY_SUBJECT, { from, count: FETCH_AT_ONCE });
      if (found.length === 0) {
        const next = await this.next(ANY_SUBJECT, from);
        if (next === undefined) break;
        found = [next];
      }
      entries.push(...found.map(({ entry }) => entry));
      from = Math.max(...found.map(({ number }) => number)) + 1;
    }
    return entries;
  }

  /**
   * Follows the stream from number `from` on, across reconnects. Calls `caughtUp` with a number up to which
   * the remaining entries were deleted. Awaits `prepare` at the start and after each reconnect, before it goes on.
   */
  follow(from: number, { prepare, receive, caughtUp }: {
    readonly prepare: () => Promise<void>;
    readonly receive: (entry: NumberedEntry) => void;
    readonly caughtUp: (number: number) => void;
  }): void {
    const { clock, logger, name } = this.#deps;
    const consume = async (from: number): Promise<{ consumer: Consumer; last: number }> => {
      // Checks that it is still the same stream: NATS may have lost it while it was away.
      const { last } = await this.range();
      await prepare();
      const consumer = await this.#requestWithRetry(() =>
        this.#client.consumers.get(name, {
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: from,
          inactive_threshold: IDLE_TAIL_MS,
        })
      );
      return { consumer, last };
    };
    this.#tail = new Tail({
      clock,
      logger,
      consume,
      next: from,
      receive: (number, data) => receive(this.#read(number, data)),
      silent: (from, last) => {
        this.#areDeleted(from, last).then(
          (deleted) => deleted && caughtUp(last),
          // The tail restarts, and asks again.
          (error: OperationalError) =>
            logger.debug("the end of the stream is not known", { error }),
        );
      },
    });
  }

  /** Stops following. */
  close(): void {
    this.#tail?.stop();
  }

  /**
   * Returns whether all entries from number `from` to `last` were deleted. A consumer may also have nothing
   * because its server lags; an answer that knows `last` tells the two apart.
   */
  async #areDeleted(from: number, last: number): Promise<boolean> {
    const { manager, name } = this.#deps;
    const { state } = await this.#requestWithRetry(() =>
      manager.streams.info(name, { deleted_details: true })
    );
    const deleted = new Set(state.deleted);
    if (state.last_seq < last) return false;
    for (let number = Math.max(from, state.first_seq); number <= last; number++) {
      if (!deleted.has(number)) return false;
    }
    return true;
  }

  async #fetch(consumer: Consumer, count: number): Promise<readonly NumberedEntry[]> {
    const found: NumberedEntry[] = [];
    const messages = await consumer.fetch({ max_messages: count, expires: FETCH_EXPIRES_MS });
    for await (const { seq, data } of messages) {
      found.push(this.#read(seq, data));
      if (found.length === count) break;
    }
    return found;
  }

  async #get(
    query: { readonly seq: number; readonly next_by_subj?: string },
  ): Promise<NumberedEntry | undefined> {
    const { manager, name } = this.#deps;
    const found = await this.#requestWithRetry(async () => {
      try {
        return await manager.streams.getMessage(name, query);
      } catch (error) {
        if (apiCode(error) === NO_MESSAGE) return null;
        throw error;
      }
    });
    return found === null ? undefined : this.#read(found.seq, found.data);
  }

  /** Decodes an entry; a foreign one counts as empty, so that numbering continues. */
  #read(number: number, data: Uint8Array): NumberedEntry {
    const entry = decodeEntry(data);
    if (entry === undefined) {
      this.#deps.logger.error("the stream has something that no gateway wrote", { number });
    }
    return { number, entry: entry ?? { time: 0, drafts: [] }, bytes: data.byteLength };
  }

  async #watchConnection(): Promise<void> {
    const { nats, logger, logsConnection } = this.#deps;
    for await (const { type } of nats.status()) {
      if (type === "disconnect") {
        if (this.#connected && logsConnection) logger.error("the connection to NATS is lost");
        this.#connected = false;
        this.#losses += 1;
        for (const reject of this.#asking) reject(unavailable("the connection to NATS is lost"));
        // The library would go on with the consumer once NATS is back, before `prepare`.
        this.#tail?.restart();
      }
      if (type === "reconnect") {
        if (logsConnection) logger.info("connected to NATS again");
        this.#connected = true;
        this.#tail?.restart();
      }
    }
  }

  /** Retries a request that is not answered. For idempotent requests only. */
  #requestWithRetry<T>(question: () => Promise<T>): Promise<T> {
    return this.#ask(async () => {
      for (const [tries, ms] of TRIES_MS.entries()) {
        const { promise, resolve, reject } = Promise.withResolvers<T | typeof TIMED_OUT>();
        const timer = this.#deps.clock.setTimer(ms, () => resolve(TIMED_OUT));
        question().then(resolve, (error: unknown) => {
          // "No responders" comes at once: the next try waits for the timeout all the same.
          if (!isNoResponders(error) || tries === TRIES_MS.length - 1) reject(error);
        });
        try {
          const answer = await promise;
          if (answer !== TIMED_OUT) return answer;
        } finally {
          timer.cancel();
        }
      }
      throw unavailable("NATS does not answer");
    });
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#replaced) throw replaced();
    // The library would send it once NATS is back, long after the caller was answered.
    if (!this.#connected) throw unavailable("NATS cannot be reached");
    // A request on a lost connection is never answered.
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#asking.add(reject);
    try {
      question().then(resolve, reject);
      return await promise;
    } catch (cause) {
      if (cause instanceof OperationalError) throw cause;
      throw unavailable(`NATS failed: ${toError(cause).message}`, cause);
    } finally {
      this.#asking.delete(reject);
    }
  }
}

/** The code of a JetStream API error. */
export function apiCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { name, code }: { readonly name?: unknown; readonly code?: unknown } = error;
  if (typeof code !== "number" || typeof name !== "string") return undefined;
  return code;
}

/** The epoch of a stream, from its description. */
export function epochOf(
  { description = "" }: { readonly description?: string },
): string | undefined {
  return /\bepoch ([0-9a-z]{1,40})$/.exec(description)?.[1];
}

/** The library exports no class for it. */
function isNoResponders(error: unknown): boolean {
  return error instanceof Error && error.name === "JetStreamNotEnabled";
}

function replaced(): OperationalError {
  return new OperationalError("log_corrupt", "the stream is not the one it was");
}

function unavailable(message: string, cause?: unknown): OperationalError {
  return new OperationalError("log_unavailable", message, cause === undefined ? {} : { cause });
}
