/**
 * The stream in NATS: makes it, writes entries, finds them, and follows its end.
 *
 * It knows entries by their numbers and subjects by their ends, and nothing of sequenceRange, listeners or
 * audiences. Every failure is an {@linkcode OperationalError}.
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

/** An entry with its number in the stream. */
export interface NumberedEntry {
  /** Its number: 1 for the first that the stream ever had. */
  readonly number: number;
  /** What is in it; nothing for what no gateway wrote. */
  readonly entry: LogEntry;
  /** Its size in the stream. */
  readonly bytes: number;
}

/** What a stream works with. */
export interface StreamDeps {
  /** Made by `connectNats`; the stream does not close it. */
  readonly nats: NatsConnection;
  /** Its manager and client, with timeouts. */
  readonly manager: JetStreamManager;
  /** Waits before it tries again. */
  readonly clock: Clock;
  /** Hears of what cannot be read. */
  readonly logger: Logger;
  /** The stream's name. */
  readonly name: string;
  /** What its subjects begin with. */
  readonly subject: string;
  /** Which stream of this name it is. */
  readonly epoch: string;
}

/** How long NATS may take to answer. */
export const ANSWER_TIMEOUT_MS = 5000;
const WRITE_TRIES = 16;
const WRITE_AGAIN_MS = 250;
const FETCH_EXPIRES_MS = 2000;
const IDLE_CONSUMER_NANOS = 10_000_000_000;
/** One that was made although its answer was lost goes by itself. */
const IDLE_TAIL_MS = 30_000;
/**
 * How long each try of a question may take that changes nothing. Without a leader it is not answered at
 * all, and may be a moment later.
 */
const TRIES_MS: readonly number[] = [500, 1000, 1000, 2500];
const TIMED_OUT = Symbol("no answer");
/** Error of JetStream's API: there is no such message. */
const NO_MESSAGE = 10037;

/** A stream that exists. */
export class Stream {
  readonly #deps: StreamDeps;
  readonly #client: JetStreamClient;
  #connected = true;
  /** How often the connection was lost. */
  #losses = 0;
  /** Who waits for an answer, to be told when the connection is lost. */
  readonly #asking = new Set<(error: OperationalError) => void>();
  #replaced = false;
  #tail: Tail | undefined;

  /** A stream of whose connection nothing is known but that it is up. */
  constructor(parts: StreamDeps) {
    this.#deps = parts;
    this.#client = jetstream(parts.nats, { timeout: ANSWER_TIMEOUT_MS });
    void this.#watchConnection();
  }

  /** The first number that is still kept, or will be, and the last that there was. */
  async range(): Promise<{ readonly first: number; readonly last: number }> {
    const { manager, name, epoch, logger } = this.#deps;
    const { state, config } = await this.#requestWithRetry(() => manager.streams.info(name));
    if (epochOf(config) !== epoch) {
      if (!this.#replaced) logger.error("the stream was replaced; start the gateway anew");
      this.#replaced = true;
      throw replaced();
    }
    // A stream that never had anything says that it begins with number 0.
    const { messages, first_seq: first, last_seq: last } = state;
    return { first: messages === 0 ? last + 1 : first, last };
  }

  /** Writes an entry; under `id` it is written once, and a repetition gives the first one's number. */
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
        // Another try after a timeout could write it a second time.
        retries: 1,
        ...id === undefined ? {} : { msgID: id },
      });
    const { seq, duplicate } = await this.#ask(() => this.#publishWithRetry(write));
    return { number: seq, repeated: duplicate };
  }

  /**
   * Writes again while nobody is there to take it, as when a cluster elects a leader, and only then: after
   * a timeout the entry may be there already. Once the connection was lost its publisher has been answered.
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

  /** The entry `number`, if it is still kept. The stream's leader is asked, which knows them all. */
  async entry(number: number): Promise<LogEntry | undefined> {
    return (await this.#get({ seq: number }))?.entry;
  }

  /** The first entry under `subject` from number `from` on. */
  next(subject: string, from: number): Promise<NumberedEntry | undefined> {
    return this.#get({ seq: from, next_by_subj: `${this.#deps.subject}.${subject}` });
  }

  /**
   * The first entries under `subject` from number `from` on, up to `count`. There may be more even if
   * there are fewer: a replica that lags may answer, and only {@linkcode next} knows the end.
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
      // It would go by itself; nobody waits for it to.
      manager.consumers.delete(name, info.name).catch(() => {});
    }
  }

  /**
   * Follows the stream from number `from` on, through every loss of the connection. `caughtUp` is told a
   * number up to which there is nothing more to come, because somebody has deleted it.
   */
  follow(from: number, { receive, caughtUp }: {
    readonly receive: (entry: NumberedEntry) => void;
    readonly caughtUp: (number: number) => void;
  }): void {
    const { clock, logger, name } = this.#deps;
    const consume = async (from: number): Promise<{ consumer: Consumer; last: number }> => {
      // NATS may have lost everything while it was away: its numbers then mean something else.
      const { last } = await this.range();
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
          // The tail begins anew, and then it is asked again.
          (error: OperationalError) =>
            logger.debug("the end of the stream is not known", { error }),
        );
      },
    });
  }

  /** Ends following. */
  close(): void {
    this.#tail?.stop();
  }

  /**
   * Whether somebody has deleted all entries from number `from` to `last`. A consumer may have nothing
   * because its server lags; one answer of the stream that knows of `last` tells which it is.
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

  /** Whatever is in the stream, the order goes on. */
  #read(number: number, data: Uint8Array): NumberedEntry {
    const entry = decodeEntry(data);
    if (entry === undefined) {
      this.#deps.logger.error("the stream has something that no gateway wrote", { number });
    }
    return { number, entry: entry ?? { time: 0, drafts: [] }, bytes: data.byteLength };
  }

  async #watchConnection(): Promise<void> {
    const { nats, logger } = this.#deps;
    for await (const { type } of nats.status()) {
      if (type === "disconnect") {
        if (this.#connected) logger.error("the connection to NATS is lost");
        this.#connected = false;
        this.#losses += 1;
        for (const reject of this.#asking) reject(unavailable("the connection to NATS is lost"));
      }
      if (type === "reconnect") {
        logger.info("connected to NATS again");
        this.#connected = true;
        this.#tail?.restart();
      }
    }
  }

  /** Asks again when there is no answer; only for what does no harm if it is heard twice. */
  #requestWithRetry<T>(question: () => Promise<T>): Promise<T> {
    return this.#ask(async () => {
      for (const [tries, ms] of TRIES_MS.entries()) {
        const { promise, resolve, reject } = Promise.withResolvers<T | typeof TIMED_OUT>();
        const timer = this.#deps.clock.setTimer(ms, () => resolve(TIMED_OUT));
        question().then(resolve, (error: unknown) => {
          // Nobody there is an answer that comes at once: the next try is due when its time has passed.
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
    // The library would keep it until NATS is back, long after the answer that it failed.
    if (!this.#connected) throw unavailable("NATS cannot be reached");
    // What was asked on a connection that is lost is not answered any more.
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

/** The number of an error of JetStream's API. */
export function apiCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { name, code }: { readonly name?: unknown; readonly code?: unknown } = error;
  if (typeof code !== "number" || typeof name !== "string") return undefined;
  return code;
}

/** The epoch that a stream was given; it stands in its description. */
export function epochOf(
  { description = "" }: { readonly description?: string },
): string | undefined {
  return /\bepoch ([0-9a-z]{1,40})$/.exec(description)?.[1];
}

/** Whether nobody was there to hear a question; the library has no class of it to tell it by. */
function isNoResponders(error: unknown): boolean {
  return error instanceof Error && error.name === "JetStreamNotEnabled";
}

function replaced(): OperationalError {
  return new OperationalError("log_corrupt", "the stream is not the one it was");
}

function unavailable(message: string, cause?: unknown): OperationalError {
  return new OperationalError("log_unavailable", message, cause === undefined ? {} : { cause });
}
