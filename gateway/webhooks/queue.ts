/**
 * The users whose state the backend has still to be told, and when each is told.
 *
 * Holds a state, not its history: an entry says that a user has changed, and what the user is is read when it is
 * sent. There is one entry for a user at most, and none for a user about whom the backend is right.
 *
 * @module
 */

import type { Clock, IdGenerator, Timer } from "../ports.ts";
import { delay } from "../util.ts";
import { startEvent, stateOf, userEvent, type UserState, type WebhookEvent } from "./event.ts";

/** Most attempts at once. */
const MAX_ATTEMPTS_AT_ONCE = 8;
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;

export interface QueueDeps {
  readonly clock: Clock;
  /** Generates the ids of events. */
  readonly ids: IdGenerator;
  /** Returns a number from 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** Makes one attempt; resolves with whether the backend has taken the event. Never rejects. */
  readonly send: (event: WebhookEvent) => Promise<boolean>;
}

export interface QueueOptions {
  /** Time for which a state must last to be told. */
  readonly debounceMs: number;
}

/** How the queue begins. */
export interface QueueStart {
  /** Names this gateway to the backend. */
  readonly node: string;
  /** Counts the ready connections of a user. */
  readonly connectionsOf: (user: string) => number;
}

interface Entry {
  readonly user: string;
  /** Steady time. */
  readonly openedAtMs: number;
  /** The state in which the backend believes the user to be; `uncertain` after an attempt that failed. */
  belief: UserState | "uncertain";
  /** Wall time of the last change. */
  changedAtMs: number;
  /** Steady time at which it is due. */
  dueAtMs: number;
  timer: Timer | undefined;
  /** An attempt is in progress. */
  sending: boolean;
  /** The user has changed since the last attempt began. */
  changed: boolean;
  /** The backend has asked for the user since the last attempt began. */
  asked: boolean;
  failures: number;
  /** The event of the last attempt, if that failed and the user has not changed since. */
  event: WebhookEvent | undefined;
}

export class WebhookQueue {
  readonly #deps: QueueDeps;
  readonly #debounceMs: number;
  readonly #entries = new Map<string, Entry>();
  /** Those that are due. */
  readonly #due = new Set<Entry>();
  #connectionsOf: QueueStart["connectionsOf"] = () => 0;
  /** Nothing is sent before the start of the gateway was taken. */
  #started: "not yet" | "taken" | WebhookEvent = "not yet";
  #attempts = 0;
  /** Failed attempts since the last that was taken; those that ran at the same time count once. */
  #failures = 0;
  #pause: Timer | undefined;
  #closing = false;
  #closed = false;
  #emptied = () => {};

  constructor({ debounceMs }: QueueOptions, deps: QueueDeps) {
    this.#deps = deps;
    this.#debounceMs = debounceMs;
  }

  /** Number of users that wait. */
  get waiting(): number {
    return this.#entries.size;
  }

  /** Time for which the first of them has waited, in milliseconds; 0 if none waits. */
  get oldestMs(): number {
    const [oldest] = this.#entries.values();
    return oldest === undefined ? 0 : this.#deps.clock.steady() - oldest.openedAtMs;
  }

  /** Tells the backend that the gateway has started; all else follows once that is taken. */
  start({ node, connectionsOf }: QueueStart): void {
    const { ids, clock } = this.#deps;
    this.#connectionsOf = connectionsOf;
    this.#started = startEvent({ id: eventId(ids), atMs: clock.now(), node });
    this.#pump();
  }

  /** The first connection of `user` is ready, or the last one is gone. */
  changed(user: string, online: boolean): void {
    if (this.#closed) return;
    const { clock } = this.#deps;
    const entry = this.#entries.get(user) ?? this.#open(user, online ? "offline" : "online");
    entry.changedAtMs = clock.now();
    entry.changed = true;
    entry.event = undefined;
    entry.failures = 0;
    this.#schedule(entry, this.#closing ? 0 : this.#debounceMs);
  }

  /**
   * The backend is asking for `user`. What it is told is a state too, and perhaps one that does not last, so that
   * the next must follow, whatever it is.
   */
  asked(user: string): void {
    const entry = this.#entries.get(user);
    if (entry === undefined) return;
    entry.asked = true;
    entry.belief = "uncertain";
  }

  /** Sends what waits, without its debounce; resolves when nothing waits, `ms` later at the latest. */
  async close(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closing = true;
    this.#emptied = resolve;
    for (const entry of this.#entries.values()) if (!entry.sending) this.#schedule(entry, 0);
    if (this.#entries.size > 0 && ms > 0) {
      await Promise.race([promise, delay(this.#deps.clock, ms)]);
    }
    this.#closed = true;
    this.#pause?.cancel();
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    this.#entries.clear();
    this.#due.clear();
  }

  #open(user: string, belief: UserState): Entry {
    const { clock } = this.#deps;
    const entry: Entry = {
      ...{ user, belief, openedAtMs: clock.steady(), changedAtMs: clock.now(), dueAtMs: 0 },
      ...{ timer: undefined, sending: false, changed: false, asked: false, failures: 0 },
      event: undefined,
    };
    this.#entries.set(user, entry);
    return entry;
  }

  #settle({ user }: Entry): void {
    this.#entries.delete(user);
    if (this.#entries.size === 0) this.#emptied();
  }

  #schedule(entry: Entry, delayMs: number): void {
    const { clock } = this.#deps;
    entry.timer?.cancel();
    entry.dueAtMs = clock.steady() + delayMs;
    this.#due.delete(entry);
    // Scheduled again when the attempt ends: one user's events never overtake each other.
    if (entry.sending) return;
    entry.timer = clock.setTimer(delayMs, () => {
      this.#due.add(entry);
      this.#pump();
    });
  }

  /** Begins attempts: as many as may run at once, one while attempts fail, none during a pause. */
  #pump(): void {
    if (this.#started === "not yet") return;
    const most = this.#failures === 0 && this.#started === "taken" ? MAX_ATTEMPTS_AT_ONCE : 1;
    while (this.#attempts < most && this.#pause === undefined && !this.#closed) {
      if (typeof this.#started === "object") return void this.#sendStart(this.#started);
      const [entry] = this.#due;
      if (entry === undefined) return;
      this.#due.delete(entry);
      const connections = this.#connectionsOf(entry.user);
      if (stateOf(connections) === entry.belief) this.#settle(entry);
      else void this.#send(entry, connections);
    }
  }

  async #sendStart(event: WebhookEvent): Promise<void> {
    if (await this.#attempt(event)) this.#started = "taken";
    this.#pump();
  }

  async #send(entry: Entry, connections: number): Promise<void> {
    const { ids } = this.#deps;
    const { user, changedAtMs: atMs } = entry;
    const event = entry.event ?? userEvent({ id: eventId(ids), atMs, user, connections });
    Object.assign(entry, { event, sending: true, changed: false, asked: false });
    const taken = await this.#attempt(event);
    entry.sending = false;
    if (this.#closed) return;
    entry.belief = taken && !entry.asked ? stateOf(connections) : "uncertain";
    if (!taken) {
      this.#schedule(
        entry,
        entry.changed ? this.#leftMs(entry) : this.#backoffMs(++entry.failures),
      );
    } else if (entry.changed || entry.asked) {
      entry.event = undefined;
      this.#schedule(entry, this.#leftMs(entry));
    } else this.#settle(entry);
    this.#pump();
  }

  async #attempt(event: WebhookEvent): Promise<boolean> {
    this.#attempts++;
    const taken = await this.#deps.send(event);
    this.#attempts--;
    if (taken) this.#failures = 0;
    else if (this.#pause === undefined && !this.#closed) {
      this.#pause = this.#deps.clock.setTimer(this.#backoffMs(++this.#failures), () => {
        this.#pause = undefined;
        this.#pump();
      });
    }
    return taken;
  }

  #leftMs({ dueAtMs }: Entry): number {
    return Math.max(0, dueAtMs - this.#deps.clock.steady());
  }

  #backoffMs(failures: number): number {
    const mostMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.min(failures - 1, 10));
    return mostMs * (1 + this.#deps.random()) / 2;
  }
}

function eventId(ids: IdGenerator): string {
  return `msg_${ids.next()}`;
}
