/**
 * The message log on a JetStream stream, for many nodes that share its order.
 *
 * A publish is one entry of the stream (`entry.ts`), so it is stored all or none with any NATS since 2.9; it must
 * fit into one NATS message (`max_payload`). Every node follows the end of the stream, notifies its subscribers
 * and holds recent messages in memory (`window.ts`); older ones are read by subject (`read.ts`).
 *
 * JetStream deduplicates: its window is 24 hours, and a repetition is answered from the first entry. NATS
 * requires a stream to store messages at least that long.
 *
 * @module
 */

import { OperationalError } from "../../errors.ts";
import type {
  Clock,
  CommandLog,
  Draft,
  IdempotencyKey,
  Logger,
  LogPage,
  LogQuery,
  Message,
  MessageLog,
  Position,
  Published,
  Revocations,
  SharedCommand,
} from "../../ports.ts";
import {
  deduplicationId,
  encodeEntry,
  type LogEntry,
  messagesOf,
  sequenceRange,
  subjectOf,
} from "./entry.ts";
import { Watermark } from "./watermark.ts";
import { openRevocationStream, openStream, type StreamOptions } from "./open.ts";
import { readPage } from "./read.ts";
import { StoredRevocations } from "./revocations.ts";
import { ANSWER_TIMEOUT_MS, type NumberedEntry, type Stream } from "./stream.ts";
import { Window } from "./window.ts";
import { Semaphore } from "../semaphore.ts";
import { LogHealth } from "../health.ts";
import { keyReused } from "../limits.ts";
import { parseMessageId } from "../message_id.ts";
import { type Listener, Subscribers } from "../subscribers.ts";
import { toError, withTimeout } from "../../util.ts";
import { topicsOf } from "../topic.ts";

export interface JetStreamLogOptions extends StreamOptions {
  /** Bytes of recent messages in memory; 32 MiB if not given. */
  readonly windowBytes?: number;
}

const DEFAULT_WINDOW_BYTES = 32 * 1024 * 1024;
/** Entries that a node reads into its window at its start. */
const WARM_ENTRIES = 2000;
/** Most bytes of unacknowledged publishes; more are refused. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** `/health` waits no longer, even for a NATS that does not answer. */
const CHECK_TIMEOUT_MS = 1000;
const READS_AT_ONCE = 16;

/**
 * Opens the log, and creates the stream if it is missing. Retries until NATS is available.
 *
 * @throws {OperationalError} `bad_configuration` when NATS refuses such a stream, `log_unavailable` when
 * the connection is lost while the log is being opened
 */
export async function openJetStreamLog(
  options: JetStreamLogOptions,
): Promise<MessageLog & CommandLog> {
  const { stream, epoch } = await openStream(options);
  const { stream: ofRevocations } = await openRevocationStream(options);
  const revocations = new StoredRevocations(ofRevocations, options);
  const { first, last } = await stream.range();
  const from = Math.max(first, last + 1 - WARM_ENTRIES);
  const log = new JetStreamLog(stream, { epoch, last, from, stored: revocations, ...options });
  await log.warm();
  return log;
}

class JetStreamLog implements MessageLog, CommandLog {
  readonly revocations: Revocations;
  readonly #stream: Stream;
  readonly #epoch: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The last entry when the log was opened. */
  readonly #last: number;
  readonly #subscribers: Subscribers;
  readonly #health: LogHealth;
  readonly #window: Window;
  /** The last entry that was followed. */
  readonly #reached: Watermark;
  readonly #reads = new Semaphore(READS_AT_ONCE);
  readonly #pending = new Set<Promise<unknown>>();
  readonly #stored: StoredRevocations;
  readonly #loaded = Promise.withResolvers<void>();
  readonly #commanded = new Set<(command: SharedCommand) => void>();
  #waitingBytes = 0;
  #closed: Promise<void> | undefined;

  constructor(
    stream: Stream,
    options: JetStreamLogOptions & {
      readonly epoch: string;
      readonly last: number;
      readonly from: number;
      readonly stored: StoredRevocations;
    },
  ) {
    const { epoch, last, from, stored, clock, logger, windowBytes } = options;
    this.#stream = stream;
    this.#epoch = epoch;
    this.#clock = clock;
    this.#logger = logger;
    this.#last = last;
    this.#subscribers = new Subscribers(logger, { epoch, sequence: sequenceRange.last(last) });
    const timeoutMs = CHECK_TIMEOUT_MS;
    this.#health = new LogHealth({ clock, logger, timeoutMs }, () => this.#probe());
    this.#window = new Window({ maxBytes: windowBytes ?? DEFAULT_WINDOW_BYTES, after: from - 1 });
    this.#reached = new Watermark(clock, from - 1);
    this.#stored = stored;
    this.revocations = {
      revoke: async (revocation) => {
        this.#assertOpen();
        await stored.store(revocation);
      },
      isRevoked: (claims) => stored.table.isRevoked(claims),
    };
    stream.follow(from, {
      prepare: () => this.#loadRevocations(),
      receive: (entry) => this.#receive(entry),
      caughtUp: (number) => this.#reached.advance(number),
    });
  }

  /** Resolves once all revocations are known and the end of the stream is in the window. */
  async warm(): Promise<void> {
    const late = (): Error =>
      new OperationalError("log_unavailable", "NATS does not tell which tokens are revoked");
    try {
      const { promise } = this.#loaded;
      await withTimeout(promise, { clock: this.#clock, ms: ANSWER_TIMEOUT_MS, late });
      await this.#reached.waitFor(this.#last, ANSWER_TIMEOUT_MS);
    } catch (error) {
      this.#stream.close();
      throw error;
    }
  }

  async publish(drafts: readonly Draft[]): Promise<readonly Message[]> {
    this.#assertOpen();
    if (drafts.length === 0) return [];
    const { number, entry } = await this.#append({ time: this.#now(), drafts }, undefined);
    return this.#messagesOf(number, entry);
  }

  async publishOnce(key: IdempotencyKey, drafts: readonly Draft[]): Promise<Published> {
    this.#assertOpen();
    const { digest } = key;
    const own = { time: this.#now(), digest, drafts };
    const { number, entry, repeated } = await this.#append(own, deduplicationId(key));
    if (repeated && entry.digest !== digest) throw keyReused();
    const messages = this.#messagesOf(number, entry).map(({ id, time }) => ({ id, time }));
    return { messages, repeated };
  }

  async appendCommand(command: SharedCommand): Promise<void> {
    this.#assertOpen();
    await this.#append({ time: this.#now(), drafts: [], command }, undefined);
  }

  subscribeCommands(listener: (command: SharedCommand) => void): () => void {
    this.#commanded.add(listener);
    return () => void this.#commanded.delete(listener);
  }

  get followed(): number {
    return this.#reached.at;
  }

  whenFollowed(number: number, timeoutMs: number): Promise<boolean> {
    return this.#reached.waitFor(number, timeoutMs).then(() => true, () => false);
  }

  subscribe(listener: Listener): () => void {
    return this.#subscribers.add(listener);
  }

  async read({ after, audience, limit, maxBytes }: LogQuery): Promise<LogPage | "expired"> {
    this.#assertOpen();
    const place = await this.#placeOf(after);
    if (place === "unknown") return "expired";
    const upTo = this.#subscribers.head;
    const topics = topicsOf(audience);
    const request = { after: place ?? 0, through: upTo.sequence, topics, limit, maxBytes };
    const sources = { window: this.#window, stream: this.#stream, epoch: this.#epoch };
    const inWindow = request.after >= sequenceRange.last(this.#window.after);
    const page = inWindow
      ? await readPage(sources, request)
      : await this.#reads.run(() => readPage(sources, request));
    // After reading, because retention continues meanwhile.
    if (place !== undefined && !inWindow && await this.#isLost(place)) return "expired";
    const last = page.messages.at(-1);
    if (!page.more || last === undefined) return { ...page, more: false, upTo };
    return { ...page, upTo: { id: last.id, sequence: last.sequence } };
  }

  head(): Position {
    return this.#subscribers.head;
  }

  async position(): Promise<Position> {
    this.#assertOpen();
    await this.#probe();
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
    await Promise.allSettled([...this.#pending]);
    this.#stream.close();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new OperationalError("log_closed", "the log is closed");
  }

  #now(): number {
    return Math.floor(this.#clock.now());
  }

  /** Resolves once this node has caught up with what the stream has now. */
  async #probe(): Promise<void> {
    const { last } = await this.#stream.range();
    await this.#reached.waitFor(last, ANSWER_TIMEOUT_MS);
  }

  /** Stores `entry`, or finds its first copy; resolves once this node's subscribers were notified. */
  async #append(
    entry: LogEntry,
    id: string | undefined,
  ): Promise<{ readonly number: number; readonly entry: LogEntry; readonly repeated: boolean }> {
    const bytes = encodeEntry(entry);
    const size = bytes.byteLength;
    if (this.#waitingBytes > 0 && this.#waitingBytes + size > MAX_WAITING_BYTES) {
      throw new OperationalError("log_overloaded", "too many messages are waiting for NATS");
    }
    this.#waitingBytes += size;
    const work = this.#write(bytes, { subject: subjectOf(entry), id });
    this.#pending.add(work);
    try {
      const { number, repeated } = await work;
      this.#health.worked();
      return { number, repeated, entry: repeated ? await this.#first(number) : entry };
    } catch (error) {
      this.#health.failed(error);
      throw error;
    } finally {
      this.#waitingBytes -= size;
      this.#pending.delete(work);
    }
  }

  async #write(
    bytes: Uint8Array,
    how: { readonly subject: string; readonly id: string | undefined },
  ): Promise<{ readonly number: number; readonly repeated: boolean }> {
    const before = this.#reached.at;
    const written = await this.#stream.append(bytes, how);
    if (!written.repeated && written.number <= before) {
      // The stream was deleted and created again, and numbers restart at 1. With the same epoch it would look
      // like the old one.
      await this.#stream.range();
      throw new OperationalError("log_unavailable", "NATS has lost a part of the stream");
    }
    await this.#reached.waitFor(written.number, ANSWER_TIMEOUT_MS);
    return written;
  }

  /** The first entry with an idempotency key. */
  async #first(number: number): Promise<LogEntry> {
    const entry = await this.#stream.entry(number);
    if (entry !== undefined) return entry;
    throw new OperationalError(
      "log_unavailable",
      "the first answer to this key is no longer stored",
    );
  }

  #receive({ number, entry, bytes }: NumberedEntry): void {
    const messages = this.#messagesOf(number, entry);
    this.#window.push(number, messages, bytes);
    // Nothing subscribes before the log is open: earlier entries only advance its head.
    this.#notify(entry, messages);
    this.#reached.advance(number);
  }

  #notify({ command }: LogEntry, messages: readonly Message[]): void {
    this.#subscribers.notify(messages);
    if (command === undefined) return;
    if (command.do === "revoke") this.#stored.table.add(command);
    this.#command(command);
  }

  /** The log may have forgotten commands that this node missed. */
  async #loadRevocations(): Promise<void> {
    for (const revocation of await this.#stored.load()) {
      this.#command({ do: "revoke", ...revocation });
    }
    this.#loaded.resolve();
  }

  #command(command: SharedCommand): void {
    for (const listener of this.#commanded) {
      try {
        listener(command);
      } catch (cause) {
        const error = toError(cause);
        this.#logger.error("a subscriber of the log's commands failed", { error });
      }
    }
  }

  #messagesOf(number: number, entry: LogEntry): readonly Message[] {
    return messagesOf(entry, { epoch: this.#epoch, number });
  }

  /** The position of `after`, once this node has reached it: its client may come from a faster node. */
  async #placeOf(after: string | undefined): Promise<number | "unknown" | undefined> {
    if (after === undefined) return undefined;
    const id = parseMessageId(after);
    if (id?.epoch !== this.#epoch) return "unknown";
    const number = sequenceRange.entryOf(id.sequence);
    if (number > this.#reached.at) {
      const { last } = await this.#stream.range();
      if (number > last) return "unknown";
      await this.#reached.waitFor(number, ANSWER_TIMEOUT_MS);
    }
    return id.sequence;
  }

  /** Returns whether a message after `place` is no longer stored. */
  async #isLost(place: number): Promise<boolean> {
    const { first } = await this.#stream.range();
    return place < sequenceRange.last(first - 1);
  }
}
