/**
 * Simulates what nodes share: a log with messages and commands in one order, and a bus. It stands
 * in for JetStream and NATS.
 *
 * Nodes follow the log late, are cut off from it and from each other, and reconnect. The rest is
 * production code.
 *
 * @module
 */

import type { Bus } from "../gateway/cluster/bus.ts";
import { OperationalError } from "../gateway/errors.ts";
import { Watermark } from "../gateway/log/jetstream/watermark.ts";
import { createMemoryLog, parseMessageId, RevocationTable } from "../gateway/log/mod.ts";
import { Subscribers } from "../gateway/log/subscribers.ts";
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
  Revocation,
  Revocations,
  SharedCommand,
} from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import { FakeIds } from "../mock/doubles/ids.ts";
import type { DiskOptions } from "./disk.ts";
import type { Random } from "../mock/chaos/random.ts";

export const SUBJECT = "nodes";
const BEATS = `${SUBJECT}.nodes`;
/** Timeout of the production log for NATS, in milliseconds. */
const ANSWER_TIMEOUT_MS = 5000;
const CONNECT_AGAIN_MS = 250;
/** Longer than any world. */
const REVOCATION_MS = 1e12;
/** Maximum delay of a node that does not lag, in milliseconds. */
const PROMPT_MS = 20;

export interface ClusterDeps {
  readonly count: number;
  readonly clock: FakeClock;
  readonly retention: DiskOptions;
  readonly logger: Logger;
  /** Called with durable messages before any node receives them. */
  readonly committed: (messages: readonly Message[]) => void;
  readonly markDirty: () => void;
}

interface Entry {
  readonly atMs: number;
  readonly content: readonly Message[] | SharedCommand;
}

/** Outlives the processes of the nodes. */
export class Cluster {
  readonly options: DiskOptions;
  /** The server's log. */
  readonly stored: MessageLog;
  /** The server's revocations, by user. */
  readonly revocations: Map<string, Revocation> = new Map<string, Revocation>();
  /** Messages and commands in order. */
  readonly entries: Entry[] = [];
  /** Running nodes. */
  readonly nodes: Set<ClusterNode> = new Set<ClusterNode>();
  readonly #deps: ClusterDeps;
  readonly slots: readonly number[];
  readonly #cutUntilMs = new Map<number, number>();
  readonly #changedAtMs = new Map<number, number>();
  readonly #lagUntilMs = new Map<number, number>();

  constructor(deps: ClusterDeps) {
    const { clock, retention, logger, committed, count } = deps;
    this.#deps = deps;
    this.slots = Array.from({ length: count }, (_, slot) => slot);
    this.options = retention;
    this.stored = createMemoryLog({
      ...{ clock, logger, ids: new FakeIds("e"), retentionMs: retention.retentionMs },
      ...{ retentionMessages: retention.retentionRows, retentionBytes: 2 ** 40 },
    });
    this.stored.subscribe((messages) => {
      committed(messages);
      this.append(messages);
    });
  }

  get epoch(): string {
    return parseMessageId(this.stored.head().id)?.epoch ?? "";
  }

  /** Sequence of the last durable message. */
  get head(): number {
    return this.stored.head().sequence;
  }

  append(content: Entry["content"]): void {
    this.entries.push({ atMs: this.#deps.clock.steady(), content });
    for (const node of this.nodes) node.follow();
  }

  /** True if the node at `slot` can neither send nor receive. */
  isCutOff(slot: number): boolean {
    return this.#deps.clock.steady() < (this.#cutUntilMs.get(slot) ?? 0);
  }

  lags(slot: number): boolean {
    return this.#deps.clock.steady() < (this.#lagUntilMs.get(slot) ?? 0);
  }

  /** Isolates the node at `slot` for `ms`. */
  cutOff(slot: number, ms: number): void {
    const { clock } = this.#deps;
    const untilMs = Math.max(this.#cutUntilMs.get(slot) ?? 0, clock.steady() + ms);
    this.#cutUntilMs.set(slot, untilMs);
    this.changed(slot);
    clock.setTimer(untilMs - clock.steady(), () => {
      if (this.isCutOff(slot)) return;
      this.changed(slot);
      this.#wake();
    });
  }

  /** Steady time at which the node at `slot` last appeared or disappeared, in milliseconds. */
  changedAtMs(slot: number): number {
    return this.#changedAtMs.get(slot) ?? 0;
  }

  /** Records that the node at `slot` appeared or disappeared. */
  changed(slot: number): void {
    this.#changedAtMs.set(slot, this.#deps.clock.steady());
  }

  /** Delays the node at `slot` for `ms`. */
  lag(slot: number, ms: number): void {
    this.#lagUntilMs.set(slot, this.#deps.clock.steady() + ms);
  }

  /** Reconnects all nodes and ends their lag. */
  heal(): void {
    this.#cutUntilMs.clear();
    this.#lagUntilMs.clear();
    for (const slot of this.slots) this.changed(slot);
    this.#wake();
  }

  #wake(): void {
    this.#deps.markDirty();
    for (const node of this.nodes) node.follow();
  }
}

interface Topic {
  readonly subject: string;
  readonly listener: Parameters<Bus["subscribe"]>[1];
}

export interface NodeDeps {
  readonly cluster: Cluster;
  /** Position in the deployment; a restarted process has the same. */
  readonly slot: number;
  /** Stops with the process. */
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The log and bus of one node. */
export class ClusterNode implements MessageLog, CommandLog {
  readonly cluster: Cluster;
  readonly #deps: NodeDeps;
  readonly #subscribers: Subscribers;
  /** Counts entries. */
  readonly #reached: Watermark;
  /** Counts messages, by sequence. */
  readonly #notified: Watermark;
  readonly #commanded = new Set<(command: SharedCommand) => void>();
  readonly #topics = new Set<Topic>();
  readonly #revoked: RevocationTable;
  #following = false;
  #lateMs = 0;

  private constructor(deps: NodeDeps) {
    const { cluster, clock, logger } = deps;
    this.#deps = deps;
    this.cluster = cluster;
    this.#subscribers = new Subscribers(logger, { epoch: cluster.epoch, sequence: cluster.head });
    this.#reached = new Watermark(clock, cluster.entries.length);
    this.#notified = new Watermark(clock, cluster.head);
    this.#revoked = new RevocationTable(clock, REVOCATION_MS);
    for (const revocation of cluster.revocations.values()) this.#revoked.add(revocation);
    cluster.nodes.add(this);
  }

  /** Connects at the end of the log once the node is not cut off. */
  static async connect(deps: NodeDeps): Promise<ClusterNode> {
    do {
      await sleep(deps.clock, CONNECT_AGAIN_MS);
    } while (deps.cluster.isCutOff(deps.slot));
    return new ClusterNode(deps);
  }

  /** Age of the entry that the node is processing. */
  get lateMs(): number {
    return this.#lateMs;
  }

  die(): void {
    this.cluster.nodes.delete(this);
  }

  /** Schedules the next read of the log, if the node is behind. */
  follow(): void {
    const { cluster, slot, clock, random } = this.#deps;
    const behind = this.#reached.at < cluster.entries.length;
    if (this.#following || !behind || cluster.isCutOff(slot)) return;
    this.#following = true;
    const lateMs = random.int(0, cluster.lags(slot) ? 12_000 : PROMPT_MS);
    clock.setTimer(lateMs, () => {
      this.#following = false;
      if (!cluster.isCutOff(slot)) this.#catchUp();
    });
  }

  publish(drafts: readonly Draft[]): Promise<readonly Message[]> {
    return this.#write(() => this.cluster.stored.publish(drafts));
  }

  publishOnce(key: IdempotencyKey, drafts: readonly Draft[]): Promise<Published> {
    return this.#write(() => this.cluster.stored.publishOnce(key, drafts));
  }

  appendCommand(command: SharedCommand): Promise<void> {
    return this.#write(() => Promise.resolve(this.cluster.append(command)));
  }

  get followed(): number {
    return this.#reached.at;
  }

  whenFollowed(number: number, timeoutMs: number): Promise<boolean> {
    return this.#reached.waitFor(number, timeoutMs).then(() => true, () => false);
  }

  get revocations(): Revocations {
    return {
      revoke: async (revocation) => {
        await this.#write(() => {
          this.cluster.revocations.set(revocation.user, this.#revoked.latest(revocation));
          return Promise.resolve();
        });
        this.#revoked.add(revocation);
      },
      isRevoked: (claims) => this.#revoked.isRevoked(claims),
    };
  }

  subscribe(listener: (messages: readonly Message[]) => void): () => void {
    return this.#subscribers.add(listener);
  }

  subscribeCommands(listener: (command: SharedCommand) => void): () => void {
    this.#commanded.add(listener);
    return () => void this.#commanded.delete(listener);
  }

  /** Reads up to this node's head; waits for it to reach the client's position. */
  async read(query: LogQuery): Promise<LogPage | "expired"> {
    const { clock, random } = this.#deps;
    await sleep(clock, random.int(0, 5));
    const { stored } = this.cluster;
    const asked = query.after === undefined ? undefined : parseMessageId(query.after);
    if (asked !== undefined && asked.sequence > this.head().sequence) {
      if (asked.epoch !== this.cluster.epoch) return "expired";
      await this.#assertConnected();
      if (asked.sequence > this.cluster.head) return "expired";
      await this.#notified.waitFor(asked.sequence, ANSWER_TIMEOUT_MS);
    }
    const head = this.head();
    const page = await stored.read(query);
    if (page === "expired" || page.upTo.sequence <= head.sequence) return page;
    const messages = page.messages.filter(({ sequence }) => sequence <= head.sequence);
    return { messages, more: false, upTo: head };
  }

  head(): Position {
    return this.#subscribers.head;
  }

  async position(): Promise<Position> {
    await this.#assertConnected();
    await this.#notified.waitFor(this.cluster.head, ANSWER_TIMEOUT_MS);
    return this.head();
  }

  async check(): Promise<void> {
    await this.#assertConnected();
  }

  close(): Promise<void> {
    this.die();
    return Promise.resolve();
  }

  get bus(): Bus {
    const { cluster, slot } = this.#deps;
    return {
      publish: (subject, text, reply) => {
        if (cluster.isCutOff(slot)) return;
        for (const node of cluster.nodes) node.#hear(subject, text, reply);
      },
      subscribe: (subject, listener) => {
        const topic: Topic = { subject, listener };
        this.#topics.add(topic);
        return () => void this.#topics.delete(topic);
      },
    };
  }

  #hear(subject: string, text: string, reply: string | undefined): void {
    const { cluster, slot, clock, random } = this.#deps;
    const deliver = (): void => {
      if (cluster.isCutOff(slot)) return;
      for (const topic of this.#topics) {
        if (topic.subject === subject) topic.listener(text, reply);
      }
    };
    // A timer for each beat of each node would be most of the work of a world.
    if (subject === BEATS) deliver();
    else clock.setTimer(random.int(0, PROMPT_MS), deliver);
  }

  async #assertConnected(): Promise<void> {
    const { cluster, slot, clock } = this.#deps;
    if (!cluster.isCutOff(slot)) return;
    await sleep(clock, ANSWER_TIMEOUT_MS);
    throw unavailable();
  }

  /** Runs `write` on the server and waits until this node has caught up. The answer may be lost. */
  async #write<T>(write: () => Promise<T>): Promise<T> {
    const { clock, random, cluster } = this.#deps;
    await sleep(clock, random.int(0, PROMPT_MS));
    await this.#assertConnected();
    const result = await write();
    const number = cluster.entries.length;
    await sleep(clock, random.int(0, PROMPT_MS));
    await this.#assertConnected();
    await this.#reached.waitFor(number, ANSWER_TIMEOUT_MS);
    return result;
  }

  #catchUp(): void {
    const { cluster, clock } = this.#deps;
    for (;;) {
      const number = this.#reached.at;
      const entry = cluster.entries[number];
      if (entry === undefined || !cluster.nodes.has(this)) return;
      this.#lateMs = clock.steady() - entry.atMs;
      if ("do" in entry.content) {
        if (entry.content.do === "revoke") this.#revoked.add(entry.content);
        for (const listener of this.#commanded) listener(entry.content);
      } else this.#subscribers.notify(entry.content);
      this.#reached.advance(number + 1);
      this.#notified.advance(this.head().sequence);
    }
  }
}

function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(ms, resolve));
}

function unavailable(): OperationalError {
  return new OperationalError("log_unavailable", "the node is cut off");
}
