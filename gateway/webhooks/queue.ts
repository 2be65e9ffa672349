/**
 * The users whose state the backend has still to be told, and when each is told.
 *
 * Holds a state, not its history: an entry says that a user has changed, and the state is read when it is sent. There
 * is one entry for a user at most, and none for a user about whom the backend is right.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type {
  Clock,
  IdGenerator,
  Logger,
  Nodes,
  NodeState,
  Timer,
  UserBelief,
  UserState,
} from "../ports.ts";
import { delay } from "../util.ts";
import { type Answer, decide } from "./agreement.ts";
import { startEvent, stateOf, userEvent, type WebhookEvent } from "./event.ts";

/** Most attempts at once. */
const MAX_ATTEMPTS_AT_ONCE = 8;
const MIN_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;
/** Time until a node that does not answer, or that goes first, is asked again. */
const ASK_AGAIN_MS = 1000;

export interface QueueDeps {
  readonly clock: Clock;
  /** Generates the ids of events. */
  readonly ids: IdGenerator;
  readonly logger: Logger;
  /** Returns a number from 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** Makes one attempt; resolves with whether the backend has taken the event. Never rejects. */
  readonly send: (event: WebhookEvent) => Promise<boolean>;
}

export interface QueueOptions {
  /** Time for which a state must last to be told. */
  readonly debounceMs: number;
}

/** The ready connections of this node. */
export interface LocalConnections {
  connectionsOf(user: string): number;
  /** Users with a ready connection. */
  readonly connectedUsers: Iterable<string>;
}

interface Entry {
  readonly user: string;
  /** Steady time. */
  readonly openedAtMs: number;
  belief: UserBelief;
  /** The backend took this state while the entry was there. */
  certain: boolean;
  /** Wall time of the last change. */
  changedAtMs: number;
  /** Steady time at which it is due. */
  dueAtMs: number;
  timer: Timer | undefined;
  phase: "fresh" | "due" | "asking" | "sending";
  /** Since this node last asked, the user has changed here, or another node has asked. */
  changed: boolean;
  /** The backend has asked for the user since the last attempt began. */
  asked: boolean;
  failures: number;
  /** The event of the last attempt, if that failed and the user has not changed since. */
  event: { readonly state: UserState; readonly event: WebhookEvent } | undefined;
  /** Nodes that have an entry too. */
  others: ReadonlySet<string>;
  /** Nodes that were told, when they asked, that this one was not asking. */
  readonly ahead: Set<string>;
}

export class WebhookQueue {
  readonly #deps: QueueDeps;
  readonly #debounceMs: number;
  readonly #entries = new Map<string, Entry>();
  /** Those that are due. */
  readonly #due = new Set<Entry>();
  #nodes: Nodes | undefined;
  #local: LocalConnections | undefined;
  /** Nothing is sent before the start of the gateway was taken. */
  #started: "not yet" | "taken" | WebhookEvent = "not yet";
  #asking = false;
  #answered = true;
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

  /** Answers the other nodes from here on. */
  join(nodes: Nodes, local: LocalConnections): void {
    this.#nodes = nodes;
    this.#local = local;
    nodes.listen({
      statesFor: (node, users) => users.map((user) => this.#stateFor(node, user)),
      settled: (...notice) => this.#settledElsewhere(...notice),
      reunited: () => {
        const users = new Set([...local.connectedUsers, ...this.#entries.keys()]);
        for (const user of users) this.#doubt(user);
      },
    });
  }

  /** Tells the backend that the gateway has started; all else follows once that is taken. */
  start(): void {
    const { ids, clock } = this.#deps;
    const node = this.#nodes?.node ?? "";
    this.#started = startEvent({ id: eventId(ids), atMs: clock.now(), node });
    this.#pump();
  }

  /** The first connection of `user` to this node is ready, or the last one is gone. */
  changed(user: string, online: boolean): void {
    if (this.#closed) return;
    const { clock } = this.#deps;
    const entry = this.#entries.get(user) ?? this.#open(user, online ? "unknown" : "online");
    entry.changedAtMs = clock.now();
    entry.changed = true;
    entry.event = undefined;
    entry.failures = 0;
    this.#debounce(entry);
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
    for (const entry of this.#entries.values()) if (entry.phase === "fresh") this.#debounce(entry);
    if (this.#entries.size > 0 && ms > 0) {
      await Promise.race([promise, delay(this.#deps.clock, ms)]);
    }
    this.#closed = true;
    this.#pause?.cancel();
    for (const entry of this.#entries.values()) entry.timer?.cancel();
    this.#entries.clear();
    this.#due.clear();
  }

  #open(user: string, belief: UserBelief): Entry {
    const { clock } = this.#deps;
    const entry: Entry = {
      ...{
        user,
        belief,
        certain: false,
        openedAtMs: clock.steady(),
        changedAtMs: clock.now(),
        dueAtMs: 0,
      },
      ...{ timer: undefined, phase: "fresh", changed: false, asked: false, failures: 0 },
      ...{ event: undefined, others: new Set<string>(), ahead: new Set<string>() },
    };
    this.#entries.set(user, entry);
    return entry;
  }

  /** Others may have told the backend something else while they did not see this node. */
  #doubt(user: string): void {
    if (this.#closed) return;
    const opened = this.#entries.get(user) === undefined;
    const entry = this.#entries.get(user) ?? this.#open(user, "uncertain");
    this.asked(user);
    if (opened) this.#debounce(entry);
  }

  #debounce(entry: Entry): void {
    const { clock } = this.#deps;
    const delayMs = this.#closing ? 0 : this.#debounceMs;
    entry.dueAtMs = clock.steady() + delayMs;
    // Scheduled when the attempt ends: one user's events never overtake each other.
    if (entry.phase !== "sending") this.#schedule(entry, { phase: "fresh", delayMs });
  }

  #schedule(
    entry: Entry,
    { phase, delayMs }: { readonly phase: "fresh" | "due"; readonly delayMs: number },
  ): void {
    entry.timer?.cancel();
    entry.phase = phase;
    this.#due.delete(entry);
    entry.timer = this.#deps.clock.setTimer(delayMs, () => {
      entry.phase = "due";
      this.#due.add(entry);
      this.#pump();
    });
  }

  /** The state of `user` here, for the question of `node`. */
  #stateFor(node: string, user: string): NodeState {
    const connections = this.#local?.connectionsOf(user) ?? 0;
    const entry = this.#entries.get(user);
    if (entry === undefined) return { connections };
    const { belief, certain, phase } = entry;
    if (node !== this.#nodes?.node) {
      entry.others = new Set([...entry.others, node]);
      if (phase === "asking" || phase === "sending") entry.changed = true;
      else entry.ahead.add(node);
    }
    return { connections, entry: { belief, certain, phase } };
  }

  #settledElsewhere(node: string, user: string, state: UserState): void {
    const entry = this.#entries.get(user);
    if (entry === undefined) return;
    entry.others = new Set([...entry.others].filter((other) => other !== node));
    if (entry.phase === "sending") entry.changed = true;
    else if (!entry.asked) Object.assign(entry, { belief: state, certain: true });
    if (entry.phase === "due") this.#schedule(entry, { phase: "due", delayMs: 0 });
  }

  /** The backend believes `state`. */
  #settle({ user, others }: Entry, state: UserState): void {
    this.#entries.delete(user);
    if (this.#entries.size === 0) this.#emptied();
    // If it is lost, another node tells the same once more.
    if (others.size > 0) this.#nodes?.settled(user, state);
  }

  /** Begins attempts: as many as may run at once, one while attempts fail, none during a pause. */
  #pump(): void {
    if (this.#started === "not yet" || this.#pause !== undefined || this.#closed) return;
    const most = this.#failures === 0 && this.#started === "taken" ? MAX_ATTEMPTS_AT_ONCE : 1;
    const free = most - this.#attempts;
    if (free <= 0 || this.#asking) return;
    if (typeof this.#started === "object") return void this.#sendStart(this.#started);
    const entries = [...this.#due.values().take(free)];
    if (entries.length > 0) void this.#ask(entries);
  }

  /** Asks all nodes about the users of `entries`, and tells the backend what this node has to tell. */
  async #ask(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) {
      this.#due.delete(entry);
      entry.phase = "asking";
      entry.changed = false;
    }
    this.#asking = true;
    const answers = await this.#statesOf(entries.map(({ user }) => user));
    this.#asking = false;
    if (this.#closed) return;
    for (const [index, entry] of entries.entries()) {
      // It has changed meanwhile.
      if (entry.phase !== "asking") continue;
      if (answers === undefined) this.#schedule(entry, { phase: "due", delayMs: ASK_AGAIN_MS });
      else this.#conclude(entry, answers.flatMap((each) => each[index] ?? []));
    }
    if (answers === undefined) this.#pauseFor(ASK_AGAIN_MS);
    this.#pump();
  }

  /** The answers of the other nodes; `undefined` unless all have answered. */
  async #statesOf(users: readonly string[]): Promise<readonly (readonly Answer[])[] | undefined> {
    const nodes = this.#nodes;
    if (nodes === undefined) return [];
    try {
      const answers = await nodes.statesOf(users);
      this.#answered = true;
      return answers.filter(({ node }) => node !== nodes.node)
        .map(({ node, states }) => states.map((state) => ({ ...state, node })));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (this.#answered) this.#deps.logger.warn("webhooks wait for another node", { error });
      this.#answered = false;
      return undefined;
    }
  }

  #conclude(entry: Entry, answers: readonly Answer[]): void {
    const { user, belief, certain, others, ahead } = entry;
    const connections = this.#local?.connectionsOf(user) ?? 0;
    const node = this.#nodes?.node ?? "";
    const decision = decide({ user, node, connections, belief, certain, others, ahead }, answers);
    ahead.clear();
    entry.others = new Set(answers.flatMap((each) => each.entry === undefined ? [] : each.node));
    if (decision.wait) return this.#schedule(entry, { phase: "due", delayMs: ASK_AGAIN_MS });
    const state = stateOf(decision.connections);
    if (decision.belief === state) this.#settle(entry, state);
    else void this.#send(entry, decision.connections);
  }

  async #send(entry: Entry, connections: number): Promise<void> {
    const state = stateOf(connections);
    const { event } = entry.event?.state === state
      ? entry.event
      : { event: this.#eventOf(entry, connections) };
    Object.assign(entry, { event: { state, event }, phase: "sending", asked: false });
    const taken = await this.#attempt(event);
    if (this.#closed) return;
    entry.certain = taken && !entry.asked;
    entry.belief = entry.certain ? state : "uncertain";
    if (taken) entry.event = undefined;
    if (taken && !entry.changed && !entry.asked) this.#settle(entry, state);
    else {
      const delayMs = taken || entry.changed
        ? this.#leftMs(entry)
        : this.#backoffMs(++entry.failures);
      this.#schedule(entry, { phase: delayMs > 0 && entry.changed ? "fresh" : "due", delayMs });
    }
    this.#pump();
  }

  #eventOf({ user, changedAtMs: atMs }: Entry, connections: number): WebhookEvent {
    return userEvent({ id: eventId(this.#deps.ids), atMs, user, connections });
  }

  async #sendStart(event: WebhookEvent): Promise<void> {
    if (await this.#attempt(event)) this.#started = "taken";
    this.#pump();
  }

  async #attempt(event: WebhookEvent): Promise<boolean> {
    this.#attempts++;
    const taken = await this.#deps.send(event);
    this.#attempts--;
    if (taken) this.#failures = 0;
    else if (this.#pause === undefined) this.#pauseFor(this.#backoffMs(++this.#failures));
    return taken;
  }

  #pauseFor(ms: number): void {
    if (this.#closed) return;
    this.#pause?.cancel();
    this.#pause = this.#deps.clock.setTimer(ms, () => {
      this.#pause = undefined;
      this.#pump();
    });
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
