/**
 * The message log on SQLite: the default of the gateway.
 *
 * This side holds what waits to be written and who listens. Publishes that come while a commit is running
 * go together into the next, with one sync; a listener hears of a message once it is durable, and a read
 * never finds one that listeners have not heard of. The file is behind a {@linkcode Store}.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import type {
  Clock,
  Draft,
  IdempotencyKey,
  IdGenerator,
  Json,
  Logger,
  LogPage,
  LogQuery,
  Message,
  MessageLog,
  Position,
  Published,
  Timer,
} from "../../ports.ts";
import { deserializeError } from "./serialize_error.ts";
import { Semaphore } from "../semaphore.ts";
import { DEFAULT_RETENTION_MS } from "../limits.ts";
import { LogHealth } from "../health.ts";
import { parseMessageId } from "../message_id.ts";
import { SqliteStore } from "./store.ts";
import {
  type AppendOutcome,
  type AppendRequest,
  inOwnThread,
  type Instant,
  type ReadRequest,
  type ReadResult,
  type Row,
  type Store,
  type StoreState,
} from "./store_types.ts";
import { type Listener, Subscribers } from "../subscribers.ts";
import { targetOf, topicOf, topicsOf } from "../topic.ts";
import { inWorker } from "./worker_client.ts";

const PRUNE_INTERVAL_MS = 60_000;
/** What a message takes while it waits, beside its text. */
const ROW_BYTES = 100;
/** Reads that the store is given at once: a commit waits for no more than these. */
const READS_AT_ONCE = 2;

/** What a log needs that is opened on a {@linkcode Store}. */
export interface StoreLogOptions {
  /** Gives messages their times, and sets off retention. */
  readonly clock: Clock;
  /** Hears when the log fails, and when it has recovered. */
  readonly logger: Logger;
  /** Most bytes that may wait to be written; more is refused. 64 MiB if not given. */
  readonly maxWaitingBytes?: number;
}

/** What {@linkcode openSqliteLog} needs. */
export interface SqliteLogOptions extends StoreLogOptions {
  /** Where the file `messages.sqlite3` is; made if it is missing. */
  readonly directory: string;
  /** Names the epoch of a new file. */
  readonly ids: IdGenerator;
  /** `full`, the default, survives a power cut; `normal` only the end of the process. */
  readonly sync?: "full" | "normal";
  /** How long messages are stored, in milliseconds; 24 hours if not given. */
  readonly retentionMs?: number;
  /** Most bytes on disk, all files of the log together; 1 GiB if not given. */
  readonly retentionBytes?: number;
  /** Where the file is worked on: in a `worker` of its own, the default, or in the caller's `own`. */
  readonly thread?: "worker" | "own";
}

/**
 * Opens the log in `options.directory`, or makes it.
 *
 * @throws {OperationalError} `log_locked` when another process has it, `log_corrupt` when the file
 * cannot be used, `log_unavailable` when the disk cannot
 */
export function openSqliteLog(options: SqliteLogOptions): Promise<MessageLog> {
  const store = {
    directory: options.directory,
    sync: options.sync ?? "full",
    retentionMs: options.retentionMs ?? DEFAULT_RETENTION_MS,
    retentionBytes: options.retentionBytes ?? 2 ** 30,
    epoch: options.ids.next(),
  };
  return openLogOn(
    options.thread === "own" ? inOwnThread(new SqliteStore(store)) : inWorker(store),
    options,
  );
}

/** Opens the log that is in `store`; fails as {@linkcode openSqliteLog} does. */
export async function openLogOn(store: Store, options: StoreLogOptions): Promise<MessageLog> {
  try {
    return new StoreLog(store, await store.open(), options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A publish that waits for its commit. */
interface Waiting {
  readonly drafts: readonly Draft[];
  readonly request: AppendRequest;
  readonly bytes: number;
  readonly resolve: (settled: Settled) => void;
  readonly reject: (error: unknown) => void;
}

/** A publish that succeeded, now or when its key came first. */
interface Settled {
  readonly outcome: AppendOutcome & { readonly kind: "stored" | "repeated" };
  /** What was stored now. */
  readonly messages: readonly Message[];
}

class StoreLog implements MessageLog {
  readonly #store: Store;
  readonly #state: StoreState;
  readonly #clock: Clock;
  readonly #maxWaitingBytes: number;
  readonly #subscribers: Subscribers;
  readonly #health: LogHealth;
  readonly #reads = new Semaphore(READS_AT_ONCE);
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The commits that are under way; `undefined` while there is nothing to do. */
  #running: Promise<void> | undefined;
  #pruneDue = false;
  #pruneTimer: Timer;
  #closed: Promise<void> | undefined;

  constructor(store: Store, state: StoreState, options: StoreLogOptions) {
    this.#store = store;
    this.#state = state;
    this.#clock = options.clock;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? 64 * 1024 * 1024;
    this.#subscribers = new Subscribers(options.logger, {
      epoch: state.epoch,
      sequence: state.head,
    });
    this.#health = new LogHealth(options, () => store.check(this.#now()));
    this.#pruneTimer = this.#startPruning();
  }

  async publish(drafts: readonly Draft[]): Promise<readonly Message[]> {
    return (await this.#submit(drafts, undefined)).messages;
  }

  async publishOnce(key: IdempotencyKey, drafts: readonly Draft[]): Promise<Published> {
    const { kind, first, count, time } = (await this.#submit(drafts, key)).outcome;
    const messages = Array.from({ length: count }, (_, index) => {
      return { id: this.#subscribers.position(first + index).id, time };
    });
    return { messages, repeated: kind === "repeated" };
  }

  subscribe(listener: Listener): () => void {
    return this.#subscribers.add(listener);
  }

  async read({ after, audience, limit, maxBytes }: LogQuery): Promise<LogPage | "expired"> {
    this.#assertOpen();
    const head = this.#subscribers.head;
    const from = this.#sequenceOf(after);
    if (from === "unknown" || (from ?? 0) > head.sequence) return "expired";
    // Most clients that come back have missed nothing, and need no disk for that.
    if (from === head.sequence) return { messages: [], more: false, upTo: head };
    const topics = topicsOf(audience);
    const request = { after: from, through: head.sequence, topics, limit, maxBytes };
    const found = await this.#find(request);
    if (found === "expired") return found;
    const messages = found.rows.map((row) => this.#toMessage(row));
    const last = messages.at(-1);
    if (!found.more || last === undefined) return { messages, more: false, upTo: head };
    return { messages, more: true, upTo: { id: last.id, sequence: last.sequence } };
  }

  async #find(request: ReadRequest): Promise<ReadResult> {
    try {
      return await this.#reads.run(() => this.#store.read(request));
    } catch (error) {
      this.#health.failed(error);
      throw error;
    }
  }

  head(): Position {
    return this.#subscribers.head;
  }

  async check(): Promise<void> {
    this.#assertOpen();
    await this.#health.check();
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#pruneTimer.cancel();
    await this.#running;
    await this.#store.close();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new OperationalError("log_closed", "the log is closed");
  }

  #now(): Instant {
    return { wall: Math.floor(this.#clock.now()), steady: this.#clock.steady() };
  }

  #submit(drafts: readonly Draft[], once: IdempotencyKey | undefined): Promise<Settled> {
    this.#assertOpen();
    const rows = drafts.map((draft) => {
      return { topic: topicOf(draft), body: JSON.stringify([draft.author, draft.content]) };
    });
    const bytes = rows.reduce((sum, { topic, body }) => {
      return sum + topic.length + body.length + ROW_BYTES;
    }, 0);
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#maxWaitingBytes) {
      throw new OperationalError("log_overloaded", "too many messages are waiting to be written");
    }
    this.#waitingBytes += bytes;
    const { promise, resolve, reject } = Promise.withResolvers<Settled>();
    this.#waiting.push({ drafts, request: { rows, once }, bytes, resolve, reject });
    this.#running ??= this.#run();
    return promise;
  }

  /** Commits what waits, and prunes when that is due, until there is nothing to do. */
  async #run(): Promise<void> {
    // What is published in the same turn goes into the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#pruneDue) {
      if (this.#waiting.length > 0) await this.#commit(this.#takeGroup());
      if (this.#pruneDue) await this.#prune();
    }
    this.#running = undefined;
  }

  /** As much of what waits as belongs into one transaction, and one publish at the least. */
  #takeGroup(): readonly Waiting[] {
    const { groupRows, groupBytes } = this.#state;
    let rows = 0;
    let bytes = 0;
    const end = this.#waiting.findIndex((publish, index) => {
      rows += publish.drafts.length;
      bytes += publish.bytes;
      return index > 0 && (rows > groupRows || bytes > groupBytes);
    });
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : end);
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const requests = group.map(({ request }) => request);
      const { outcomes, full } = await this.#store.append(requests, this.#now());
      if (full) this.#pruneDue = true;
      this.#settle(group, outcomes);
    } catch (error) {
      this.#health.failed(error);
      for (const { reject } of group) reject(error);
    }
    for (const { bytes } of group) this.#waitingBytes -= bytes;
  }

  /** Tells listeners what is durable now, and then the publishers. */
  #settle(group: readonly Waiting[], outcomes: readonly AppendOutcome[]): void {
    const stored: Message[] = [];
    const settle = group.map(({ drafts, resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined) throw new Error("the store left a publish without an answer");
      if (outcome.kind === "failed") {
        const error = deserializeError(outcome.failure);
        this.#health.failed(error);
        return () => reject(error);
      }
      this.#health.worked();
      const messages = outcome.kind === "repeated" ? [] : drafts.map((draft, index) => {
        const position = this.#subscribers.position(outcome.first + index);
        return { ...draft, ...position, time: outcome.time };
      });
      stored.push(...messages);
      return () => resolve({ outcome, messages });
    });
    this.#subscribers.notify(stored);
    for (const tell of settle) tell();
  }

  #startPruning(): Timer {
    this.#pruneDue = true;
    this.#running ??= this.#run();
    return this.#clock.setTimer(PRUNE_INTERVAL_MS, () => {
      this.#pruneTimer = this.#startPruning();
    });
  }

  async #prune(): Promise<void> {
    // It may become due again while it runs.
    this.#pruneDue = false;
    try {
      const more = await this.#store.prune(this.#now());
      if (more && this.#closed === undefined) this.#pruneDue = true;
    } catch (error) {
      this.#health.failed(error);
    }
  }

  #sequenceOf(after: string | undefined): number | "unknown" | undefined {
    if (after === undefined) return undefined;
    const id = parseMessageId(after);
    return id?.epoch === this.#state.epoch ? id.sequence : "unknown";
  }

  #toMessage({ sequence, topic, body, time }: Row): Message {
    const [author, content]: [string, Json] = JSON.parse(body);
    return { ...targetOf(topic), author, content, ...this.#subscribers.position(sequence), time };
  }
}
