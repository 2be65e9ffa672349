/**
 * Simulates a gateway's disk and a `Store` on it for the production log. Only durable data survives
 * a crash.
 *
 * The store stands in for `SqliteStore`, failures included. Order and delivery are the log's part.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import {
  type Appended,
  type AppendOutcome,
  type AppendRequest,
  type Instant,
  keyReused,
  type ReadRequest,
  type ReadResult,
  RetentionClock,
  type RevokeRequest,
  type Row,
  serializeError,
  type StampedRow,
  type Store,
  type StoreState,
} from "../gateway/log/mod.ts";
import type { Revocation } from "../gateway/ports.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Random } from "../mock/chaos/random.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Maximum rows that one pruning step deletes. */
const PRUNE_ROWS = 500;

interface Key {
  readonly key: string;
  readonly digest: string;
  readonly first: number;
  readonly count: number;
  readonly time: number;
  readonly stamp: number;
}

/** An atomic commit. */
interface Commit {
  readonly rows: readonly StampedRow[];
  readonly keys: readonly Key[];
}

export interface DiskOptions {
  readonly retentionMs: number;
  readonly retentionRows: number;
}

/** Durable data and the disk's state. Outlives the processes that use it. */
export class SimulatedDisk {
  readonly options: DiskOptions;
  readonly epoch = "e1";
  /** Reads and writes fail. */
  failing = false;
  /** Factor by which every operation is slowed down. */
  slowness = 1;
  /** Steady time at which the disk becomes idle, in milliseconds. */
  busyUntilMs = 0;
  /**
   * A failed commit that may still be on the disk: the next process finds it unless this one uses
   * the disk again.
   */
  limbo: Commit | undefined;
  readonly revocations = new Map<string, Revocation>();
  #rows: StampedRow[] = [];
  #keys = new Map<string, Key>();
  #pruned = 0;
  #last = { time: 0, stamp: 0 };

  constructor(options: DiskOptions) {
    this.options = options;
  }

  /** Stored messages, in order. */
  get rows(): readonly Row[] {
    return this.#rows;
  }

  /** Last durable sequence. */
  get head(): number {
    return this.#pruned + this.#rows.length;
  }

  /** Last pruned sequence. */
  get pruned(): number {
    return this.#pruned;
  }

  /** Time of the last message: as shown, and on the scale of retention. */
  get last(): { readonly time: number; readonly stamp: number } {
    return this.#last;
  }

  findKey(key: string): Key | undefined {
    return this.#keys.get(key);
  }

  commit({ rows, keys }: Commit): void {
    for (const row of rows) {
      this.#rows.push(row);
      this.#last = { time: row.time, stamp: row.stamp };
    }
    for (const key of keys) {
      this.#keys.delete(key.key);
      this.#keys.set(key.key, key);
    }
  }

  /** Deletes up to 500 expired or excess rows. Returns true if there is more to do. */
  prune(stamp: number): boolean {
    const { retentionMs, retentionRows } = this.options;
    for (const [key, stored] of this.#keys) {
      if (stored.stamp > stamp - DAY_MS) break;
      this.#keys.delete(key);
    }
    let gone = Math.max(0, this.#rows.length - retentionRows);
    while ((this.#rows[gone]?.stamp ?? Infinity) <= stamp - retentionMs) gone++;
    gone = Math.min(gone, PRUNE_ROWS);
    this.#rows.splice(0, gone);
    this.#pruned += gone;
    return gone === PRUNE_ROWS;
  }
}

export interface StoreDeps {
  readonly disk: SimulatedDisk;
  readonly clock: FakeClock;
  readonly random: Random;
  /** Called when promises may settle because of the store. */
  readonly markDirty: () => void;
}

/** A process's access to the disk. Runs calls in order, one at a time. */
export class SimulatedStore implements Store {
  readonly #deps: StoreDeps;
  #ages = new RetentionClock({ time: 0, stamp: 0 });
  #dead = false;

  constructor(deps: StoreDeps) {
    this.#deps = deps;
    deps.disk.busyUntilMs = 0;
  }

  /** Drops pending calls without an answer, as the end of the process does. */
  die(): void {
    this.#dead = true;
  }

  open(): Promise<StoreState> {
    const { disk } = this.#deps;
    return this.#call(() => {
      if (disk.limbo !== undefined) disk.commit(disk.limbo);
      disk.limbo = undefined;
      this.#ages = new RetentionClock(disk.last);
      const groups = { groupRows: 1000, groupBytes: 4 * 2 ** 20 };
      const revocations = [...disk.revocations.values()];
      return { epoch: disk.epoch, head: disk.head, ...groups, revocations };
    }, { maxMs: 20 });
  }

  append(requests: readonly AppendRequest[], now: Instant): Promise<Appended> {
    return this.#call(() => this.#append(requests, now), { maxMs: 20, answersLater: true });
  }

  read(request: ReadRequest): Promise<ReadResult> {
    return this.#call(() => {
      this.#use();
      return read(this.#deps.disk, request);
    }, { maxMs: 3 });
  }

  revoke({ user, issuedBefore }: RevokeRequest, _now: Instant): Promise<void> {
    const { disk } = this.#deps;
    return this.#call(() => {
      this.#use();
      const earlier = disk.revocations.get(user)?.issuedBefore ?? 0;
      disk.revocations.set(user, { user, issuedBefore: Math.max(issuedBefore, earlier) });
    }, { maxMs: 20, answersLater: true });
  }

  prune(now: Instant): Promise<boolean> {
    return this.#call(() => {
      this.#use();
      return this.#deps.disk.prune(this.#ages.stampOf(now));
    }, { maxMs: 2 });
  }

  check(_now: Instant): Promise<void> {
    return this.#call(() => this.#use(), { maxMs: 2 });
  }

  close(): Promise<void> {
    return this.#call(() => {}, { maxMs: 2 });
  }

  /** @throws {OperationalError} `log_unavailable` while the disk fails */
  #use(): void {
    const { disk } = this.#deps;
    if (disk.failing) throw new OperationalError("log_unavailable", "the disk is full");
    // The real store discards an unanswered commit when it reopens the file.
    disk.limbo = undefined;
  }

  #append(requests: readonly AppendRequest[], now: Instant): Appended {
    const { disk, random } = this.#deps;
    if (!disk.failing) this.#use();
    const time = now.wall;
    const stamp = this.#ages.stampOf(now);
    const rows: StampedRow[] = [];
    const keys: Key[] = [];
    const outcomes = requests.map(({ rows: added, once }): AppendOutcome => {
      const earlier = once && (keys.find(({ key }) => key === once.key) ?? disk.findKey(once.key));
      if (once !== undefined && earlier !== undefined && earlier.stamp > stamp - DAY_MS) {
        return findIdempotent(earlier, once.digest);
      }
      const first = disk.head + rows.length + 1;
      added.forEach((row, index) => rows.push({ ...row, sequence: first + index, time, stamp }));
      const stored = { first, count: added.length, time };
      if (once !== undefined) keys.push({ ...once, ...stored, stamp });
      return { kind: "stored", ...stored };
    });
    if (disk.failing) {
      if (random.chance(0.3)) disk.limbo = { rows, keys };
      const message = "the disk is full";
      const failure = { code: "log_unavailable", message, cause: undefined } as const;
      return { outcomes: requests.map(() => ({ kind: "failed", failure })), full: false };
    }
    disk.commit({ rows, keys });
    return { outcomes, full: disk.rows.length > disk.options.retentionRows };
  }

  /** Runs `work` in turn, and answers at once or, as after a sync, a little later. */
  #call<T>(
    work: () => T,
    { maxMs, answersLater = false }: { readonly maxMs: number; readonly answersLater?: boolean },
  ): Promise<T> {
    const { clock, random, disk, markDirty } = this.#deps;
    const takesMs = Math.ceil(random.int(0, maxMs) * disk.slowness);
    const laterMs = answersLater ? random.int(0, 10) : 0;
    disk.busyUntilMs = Math.max(disk.busyUntilMs, clock.steady()) + takesMs;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const answer = (tell: () => void): void => {
      if (this.#dead) return;
      markDirty();
      tell();
    };
    clock.setTimer(disk.busyUntilMs - clock.steady(), () => {
      if (this.#dead) return;
      try {
        const result = work();
        clock.setTimer(laterMs, () => answer(() => resolve(result)));
      } catch (error) {
        answer(() => reject(error));
      }
    });
    disk.busyUntilMs += laterMs;
    return promise;
  }
}

function findIdempotent({ digest, first, count, time }: Key, asked: string): AppendOutcome {
  if (digest === asked) return { kind: "repeated", first, count, time };
  return { kind: "failed", failure: serializeError(keyReused()) };
}

function read(disk: SimulatedDisk, request: ReadRequest): ReadResult {
  const after = request.after ?? disk.pruned;
  if (after < disk.pruned) return "expired";
  const topics = new Set(request.topics);
  const rows: Row[] = [];
  let bytes = 0;
  for (let index = after - disk.pruned; index < disk.rows.length; index++) {
    const row = disk.rows[index];
    if (row === undefined || row.sequence > request.through) break;
    if (!topics.has(row.topic)) continue;
    bytes += row.body.length + row.topic.length + 160;
    const full = rows.length >= request.limit || bytes > request.maxBytes;
    if (full && rows.length > 0) return { rows, more: true };
    rows.push(row);
  }
  return { rows, more: false };
}
