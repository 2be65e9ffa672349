/**
 * The message log on SQLite, the gateway's default.
 *
 * This side has the publish queue and the subscribers; the file is behind a {@linkcode Store}. Publishes that
 * arrive during a commit share the next one, with one sync. Subscribers are notified once a message is durable,
 * and a read never returns a message of which they were not notified.
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
  Revocation,
  Revocations,
  Timer,
} from "../../ports.ts";
import { deserializeError } from "./serialize_error.ts";
import { Semaphore } from "../semaphore.ts";
import { DEFAULT_RETENTION_MS, DEFAULT_REVOCATION_MS } from "../limits.ts";
import { LogHealth } from "../health.ts";
import { parseMessageId } from "../message_id.ts";
import { RevocationTable } from "../revocations.ts";
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
/** Memory of a queued message beside its text. */
const ROW_BYTES = 100;
/** Concurrent reads of the store: a commit waits for no more than these. */
const READS_AT_ONCE = 2;

export interface StoreLogOptions {
  /** For message times and retention. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most bytes of queued publishes; more are refused. 64 MiB if not given. */
  readonly maxWaitingBytes?: number;
  /** Time for which a revocation of tokens holds, in milliseconds; 720 hours if not given. */
  readonly revocationMs?: number;
}

export interface SqliteLogOptions extends StoreLogOptions {
  /** The directory of `messages.sqlite3`; created if it is missing. */
  readonly directory: string;
  /** For the epoch of a new file. */
  readonly ids: IdGenerator;
  /** `full`, the default, survives a power cut; `normal` only a crash of the process. */
  readonly sync?: "full" | "normal";
  /** Age at which messages are removed, in milliseconds; 24 hours if not given. */
  readonly retentionMs?: number;
  /** Most bytes on disk, all files of the log together; 1 GiB if not given. */
  readonly retentionBytes?: number;
  readonly testing?: {
    /** `own` does without a worker and works on the file in the caller's thread. */
    readonly thread?: "worker" | "own";
  };
}

/**
 * Opens the log in `options.directory`, and creates it if it is missing.
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
    options.testing?.thread === "own" ? inOwnThread(new SqliteStore(store)) : inWorker(store),
    options,
  );
}

/** Opens the log in `store`; rejects as {@linkcode openSqliteLog} does. */
export async function openLogOn(store: Store, options: StoreLogOptions): Promise<MessageLog> {
  try {
    return new StoreLog(store, await store.open(), options);
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A queued publish. */
interface Waiting {
  readonly drafts: readonly Draft[];
  readonly request: AppendRequest;
  readonly bytes: number;
  readonly resolve: (settled: Settled) => void;
  readonly reject: (error: unknown) => void;
}

/** A publish that succeeded, now or earlier with the same key. */
interface Settled {
  readonly outcome: AppendOutcome & { readonly kind: "stored" | "repeated" };
  /** Those that were stored now. */
  readonly messages: readonly Message[];
}

class StoreLog implements MessageLog {
  readonly revocations: Revocations;
  readonly #store: Store;
  readonly #state: StoreState;
  readonly #clock: Clock;
  readonly #maxWaitingBytes: number;
  readonly #subscribers: Subscribers;
  readonly #health: LogHealth;
  readonly #reads = new Semaphore(READS_AT_ONCE);
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The loop of commits; `undefined` while idle. */
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
    const { revocationMs = DEFAULT_REVOCATION_MS } = options;
    const table = new RevocationTable(options.clock, revocationMs);
    for (const revocation of state.revocations) table.add(revocation);
    this.revocations = {
      revoke: (revocation) => this.#revoke(revocation, table),
      isRevoked: (claims) => table.isRevoked(claims),
    };
  }

  async #revoke(revocation: Revocation, table: RevocationTable): Promise<void> {
    this.#assertOpen();
    try {
      await this.#store.revoke({ ...revocation, endedAt: table.endedAt }, this.#now());
    } catch (error) {
      this.#health.failed(error);
      throw error;
    }
    this.#health.worked();
    table.add(revocation);
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
    // Most resuming clients have missed nothing, which needs no disk.
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

  // deno-lint-ignore require-await -- a promise is the contract, and turns throws into rejections
  async position(): Promise<Position> {
    this.#assertOpen();
    return this.head();
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

  /** Commits queued publishes, and prunes when due, until idle. */
  async #run(): Promise<void> {
    // Publishes of the same turn share the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0 || this.#pruneDue) {
      if (this.#waiting.length > 0) await this.#commit(this.#takeGroup());
      if (this.#pruneDue) await this.#prune();
    }
    this.#running = undefined;
  }

  /** Takes the publishes for one transaction, at least one, from the queue. */
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

  /** Notifies subscribers of what is durable now, then answers publishers. */
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
    for (const answer of settle) answer();
  }

  #startPruning(): Timer {
    this.#pruneDue = true;
    this.#running ??= this.#run();
    return this.#clock.setTimer(PRUNE_INTERVAL_MS, () => {
      this.#pruneTimer = this.#startPruning();
    });
  }

  async #prune(): Promise<void> {
    // It may be due again before it is done.
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
