/**
 * The message log in memory, for tests, the mock server and trials. Messages are gone with the process.
 *
 * It sets no timers; expired messages are removed when the log is next used.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { OperationalError } from "../errors.ts";
import type {
  Audience,
  Clock,
  Draft,
  IdempotencyKey,
  IdGenerator,
  Logger,
  LogPage,
  LogQuery,
  Message,
  MessageLog,
  Position,
  Published,
  Revocations,
} from "../ports.ts";
import {
  DEFAULT_RETENTION_MS,
  DEFAULT_REVOCATION_MS,
  IDEMPOTENCY_MS,
  keyReused,
} from "./limits.ts";
import { parseMessageId } from "./message_id.ts";
import { RevocationTable } from "./revocations.ts";
import { type Listener, Subscribers } from "./subscribers.ts";

export interface MemoryLogOptions {
  /** For message times and ages. */
  readonly clock: Clock;
  /** Names the epoch. */
  readonly ids: IdGenerator;
  /** For subscribers that throw. */
  readonly logger: Logger;
  /** Age at which messages are removed, in milliseconds; 24 hours if not given. */
  readonly retentionMs?: number;
  /** Most bytes of JSON stored; 64 MiB if not given. */
  readonly retentionBytes?: number;
  /** Time for which a revocation of tokens holds, in milliseconds; 720 hours if not given. */
  readonly revocationMs?: number;
  readonly testing?: {
    /** Most messages stored; without limit if not given. */
    readonly retentionMessages?: number;
  };
}

/** Creates an empty log with a new epoch. */
export function createMemoryLog(options: MemoryLogOptions): MessageLog {
  return new MemoryLog(options);
}

/**
 * Most bytes of JSON that id, sequence and time add to a message. Printing the numbers would cost more than the
 * rest of a small message.
 */
const ENVELOPE_BYTES = `,"id":"","sequence":,"time":`.length + 57 + 16 + 16;

interface IdempotencyRecord {
  readonly digest: string;
  readonly messages: Published["messages"];
  /** Steady time. */
  readonly storedAtMs: number;
}

interface Stored {
  readonly channel: string | undefined;
  readonly user: string | undefined;
  readonly time: number;
  /** Steady time, so that its age does not depend on how the wall clock is set. */
  readonly storedAtMs: number;
  /** The draft as JSON: one string is less work for the garbage collector than objects. */
  readonly json: string;
  /** Bytes of the message's JSON, at most. */
  readonly bytes: number;
}

class MemoryLog implements MessageLog {
  readonly revocations: Revocations;
  readonly #clock: Clock;
  readonly #epoch: string;
  readonly #retentionMs: number;
  readonly #retentionBytes: number;
  readonly #retentionMessages: number;
  readonly #subscribers: Subscribers;
  /** In order and without gaps, after `#freed` free slots. */
  #stored: (Stored | undefined)[] = [];
  /** Slots are freed one by one and removed together: with 64 MiB stored, removing one costs 450 µs. */
  #freed = 0;
  #storedBytes = 0;
  /** By key, oldest first. */
  readonly #idempotency = new Map<string, IdempotencyRecord>();
  /** The last sequence that is no longer stored. */
  #pruned = 0;
  #closed = false;

  constructor(options: MemoryLogOptions) {
    this.#clock = options.clock;
    this.#epoch = options.ids.next();
    this.#retentionMs = options.retentionMs ?? DEFAULT_RETENTION_MS;
    this.#retentionBytes = options.retentionBytes ?? 64 * 1024 * 1024;
    this.#retentionMessages = options.testing?.retentionMessages ?? Infinity;
    this.#subscribers = new Subscribers(options.logger, { epoch: this.#epoch, sequence: 0 });
    const table = new RevocationTable(
      options.clock,
      options.revocationMs ?? DEFAULT_REVOCATION_MS,
    );
    this.revocations = {
      // deno-lint-ignore require-await -- a promise is the contract, and turns throws into rejections
      revoke: async (revocation) => {
        this.#assertOpen();
        table.add(revocation);
      },
      isRevoked: (claims) => table.isRevoked(claims),
    };
  }

  // deno-lint-ignore require-await -- a promise is the contract, and turns throws into rejections
  async publish(drafts: readonly Draft[]): Promise<readonly Message[]> {
    this.#assertOpen();
    return this.#append(drafts);
  }

  // deno-lint-ignore require-await -- as above
  async publishOnce(key: IdempotencyKey, drafts: readonly Draft[]): Promise<Published> {
    this.#assertOpen();
    this.#prune();
    const earlier = this.#idempotency.get(key.key);
    if (earlier !== undefined) {
      if (earlier.digest === key.digest) return { messages: earlier.messages, repeated: true };
      throw keyReused();
    }
    const messages = this.#append(drafts).map(({ id, time }) => ({ id, time }));
    this.#idempotency.set(key.key, {
      digest: key.digest,
      messages,
      storedAtMs: this.#clock.steady(),
    });
    return { messages, repeated: false };
  }

  subscribe(listener: Listener): () => void {
    return this.#subscribers.add(listener);
  }

  // deno-lint-ignore require-await -- as above
  async read(query: LogQuery): Promise<LogPage | "expired"> {
    this.#assertOpen();
    this.#prune();
    const head = this.#subscribers.head;
    const after = this.#sequenceOf(query.after);
    if (after === undefined || after < this.#pruned || after > head.sequence) return "expired";
    const messages: Message[] = [];
    let bytes = 0;
    for (let sequence = after + 1; sequence <= head.sequence; sequence++) {
      const stored = this.#find(sequence);
      if (stored === undefined || !isFor(query.audience, stored)) continue;
      bytes += stored.bytes;
      const last = messages.at(-1);
      if (last !== undefined && (messages.length >= query.limit || bytes > query.maxBytes)) {
        return { messages, more: true, upTo: this.#subscribers.position(last.sequence) };
      }
      const draft: Draft = JSON.parse(stored.json);
      messages.push({ ...draft, ...this.#subscribers.position(sequence), time: stored.time });
    }
    return { messages, more: false, upTo: head };
  }

  head(): Position {
    return this.#subscribers.head;
  }

  // deno-lint-ignore require-await -- as above
  async position(): Promise<Position> {
    this.#assertOpen();
    return this.head();
  }

  // deno-lint-ignore require-await -- as above
  async check(): Promise<void> {
    this.#assertOpen();
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #assertOpen(): void {
    if (this.#closed) throw new OperationalError("log_closed", "the log is closed");
  }

  #append(drafts: readonly Draft[]): readonly Message[] {
    const time = Math.floor(this.#clock.now());
    const storedAtMs = this.#clock.steady();
    const first = this.#pruned + this.#size + 1;
    const messages = drafts.map((draft, index) => {
      const { id, sequence } = this.#subscribers.position(first + index);
      return { ...draft, id, sequence, time };
    });
    messages.forEach((message, index) => {
      const json = JSON.stringify(drafts[index]);
      const bytes = Buffer.byteLength(json) + ENVELOPE_BYTES;
      const { channel, user } = message;
      this.#stored.push({ channel, user, time, storedAtMs, json, bytes });
      this.#storedBytes += bytes;
    });
    this.#subscribers.notify(messages);
    this.#prune();
    return messages;
  }

  #sequenceOf(after: string | undefined): number | undefined {
    if (after === undefined) return this.#pruned;
    const id = parseMessageId(after);
    return id?.epoch === this.#epoch ? id.sequence : undefined;
  }

  /** Removes expired messages and keys. */
  #prune(): void {
    const now = this.#clock.steady();
    for (;;) {
      const oldest = this.#find(this.#pruned + 1);
      if (oldest === undefined || !this.#isExpired(oldest, now)) break;
      this.#stored[this.#freed++] = undefined;
      this.#pruned++;
      this.#storedBytes -= oldest.bytes;
    }
    if (this.#freed > this.#size) {
      this.#stored.splice(0, this.#freed);
      this.#freed = 0;
    }
    for (const [key, { storedAtMs }] of this.#idempotency) {
      if (storedAtMs > now - IDEMPOTENCY_MS) break;
      this.#idempotency.delete(key);
    }
  }

  get #size(): number {
    return this.#stored.length - this.#freed;
  }

  #find(sequence: number): Stored | undefined {
    return this.#stored[this.#freed + sequence - this.#pruned - 1];
  }

  #isExpired(oldest: Stored, now: number): boolean {
    return this.#storedBytes > this.#retentionBytes || this.#size > this.#retentionMessages ||
      oldest.storedAtMs <= now - this.#retentionMs;
  }
}

function isFor(audience: Audience, message: Stored): boolean {
  if (message.channel !== undefined) return audience.channels.includes(message.channel);
  if (message.user !== undefined) return message.user === audience.user;
  return audience.everyone;
}
