/**
 * Who is ready, by user and by channel, and fan-out: every message that the log hands over goes, in
 * order and encoded once, to those who may see it.
 *
 * Consecutive messages to the same audience are one run, so that a member is handed many at a time. It
 * knows members, not sockets: how a member copes with what it is given is the connection's matter.
 *
 * @module
 */

import { type Run, RunEncoder } from "./session/encode.ts";
import type { Clock, Message, Position } from "./ports.ts";

/** How long fan-out may hold the event loop before other things get their turn, in milliseconds. */
const TURN_MS = 8;
/** Deliveries after which it looks at the clock. */
const DELIVERIES_A_LOOK = 64;
/**
 * Members, bytes and deliveries after which the turn ends whatever the clock says. The clock does not see the
 * writes to sockets, which come at the end of the turn: one for each member, of about 14 µs.
 */
const TURN_MEMBERS = 1000;
const TURN_BYTES = 4 * 1024 * 1024;
const TURN_DELIVERIES = 50_000;
/** A run ends with the message that takes it over so many characters of JSON, or at so many messages. */
const MAX_RUN_LENGTH = 32 * 1024;
const MAX_RUN_MESSAGES = 256;
/** Messages that may wait for fan-out before publishers are held up. */
const BACKLOG_MESSAGES = 2000;

/** Somebody who is ready to receive. */
export interface Member {
  /** Takes messages that this member may see. Must not throw. */
  deliver(run: Run): void;
  /** The turn of the fan-out in which it was last served; for the hub alone, and 0 at first. */
  servedInTurn: number;
}

/** What the hub knows of a member. */
interface Subscription {
  readonly user: string;
  readonly channels: Set<string>;
}

/** What a hub works with. */
export interface HubOptions {
  /** For turns with the event loop. */
  readonly clock: Clock;
  /** Where fan-out begins: the head of the log. */
  readonly position: Position;
  /** Characters of JSON with which a run ends, at most 32 Ki: a part of what may wait for a member. */
  readonly runLength?: number | undefined;
  /** Most deliveries in one turn of the event loop, 50,000 unless given; few where time stands still. */
  readonly turnDeliveries?: number | undefined;
}

/** A run on its way to its audience. */
interface Delivering<M> {
  readonly run: Run;
  /** Who was in the audience when it began. */
  readonly members: readonly M[];
  /** Who is in it now. */
  readonly audience: Audience<M>;
  /** How many of `members` have been served. */
  served: number;
}

/** What fan-out needs of a table of members. */
interface Audience<M> {
  readonly size: number;
  has(member: M): boolean;
  keys(): Iterable<M>;
}

/** The tables of who is ready, and the fan-out. */
export class Hub<M extends Member = Member> {
  readonly #clock: Clock;
  readonly #subscriptions = new Map<M, Subscription>();
  readonly #byUser = new Map<string, Set<M>>();
  readonly #byChannel = new Map<string, Set<M>>();
  #position: Position;
  readonly #runLength: number;
  readonly #turnDeliveries: number;
  #backlog: (Message | (() => void))[] = [];
  /** How many of the backlog are done. */
  #done = 0;
  /** How many turns there have been. */
  #turns = 0;
  #delivering: Delivering<M> | undefined;
  #afterRun: (() => void)[] = [];
  /** Whether fan-out is at work, or has a timer to go on. */
  #busy = false;
  #waiting: (() => void)[] = [];

  /** A hub without members. */
  constructor({ clock, position, runLength, turnDeliveries }: HubOptions) {
    this.#clock = clock;
    this.#position = position;
    this.#runLength = Math.min(runLength ?? MAX_RUN_LENGTH, MAX_RUN_LENGTH);
    this.#turnDeliveries = turnDeliveries ?? TURN_DELIVERIES;
  }

  /**
   * The last message whose fan-out has begun. A member that registers receives what comes after it; in the middle of
   * a run, members may not have it yet.
   */
  get position(): Position {
    return this.#position;
  }

  /** Sizes of every table, for tests and assertions that nothing is left behind. */
  get tables(): { readonly members: number; readonly users: number; readonly channels: number } {
    return {
      members: this.#subscriptions.size,
      users: this.#byUser.size,
      channels: this.#byChannel.size,
    };
  }

  /** Makes `member` receive what `user` and `channels` may see; replaces what it received before. */
  register(member: M, user: string, channels: Iterable<string>): void {
    const subscription = this.#subscriptionOf(member, user);
    const wanted = new Set(channels);
    for (const channel of subscription.channels) {
      if (!wanted.has(channel)) this.unsubscribe(member, channel);
    }
    for (const channel of wanted) this.subscribe(member, channel);
  }

  /** Makes `member` receive nothing more. */
  remove(member: M): void {
    const subscription = this.#subscriptions.get(member);
    if (subscription === undefined) return;
    this.#subscriptions.delete(member);
    remove(this.#byUser, subscription.user, member);
    for (const channel of subscription.channels) remove(this.#byChannel, channel, member);
  }

  /** Adds a channel to a member. Returns whether that changed anything. */
  subscribe(member: M, channel: string): boolean {
    const subscription = this.#subscriptions.get(member);
    if (subscription === undefined || subscription.channels.has(channel)) return false;
    subscription.channels.add(channel);
    add(this.#byChannel, channel, member);
    return true;
  }

  /** Takes a channel from a member. Returns whether that changed anything. */
  unsubscribe(member: M, channel: string): boolean {
    const subscription = this.#subscriptions.get(member);
    if (subscription === undefined || !subscription.channels.delete(channel)) return false;
    remove(this.#byChannel, channel, member);
    return true;
  }

  /** The members of `user`, as they are now. */
  membersOf(user: string): readonly M[] {
    return [...this.#byUser.get(user) ?? []];
  }

  /** The channels of `member`. */
  channelsOf(member: M): ReadonlySet<string> {
    return this.#subscriptions.get(member)?.channels ?? new Set();
  }

  /** Resolves when the fan-out is close enough to the log for more to be published. */
  ready(): Promise<void> {
    if (this.#waitingMessages < BACKLOG_MESSAGES) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Fans out `messages`: at once what is little, the rest in turns with the event loop. */
  publish(messages: readonly Message[]): void {
    for (const message of messages) this.#backlog.push(message);
    if (!this.#busy) this.#fanOut();
  }

  /**
   * Runs `action` when no run is on its way, which is at once as a rule: then each member has everything up
   * to the position. It must not throw.
   */
  betweenRuns(action: () => void): void {
    if (this.#delivering === undefined) action();
    else this.#afterRun.push(action);
  }

  /**
   * Runs `action` once everything that was handed over before has been fanned out, and nothing after. It
   * must not throw.
   */
  inOrder(action: () => void): void {
    this.#backlog.push(action);
    if (!this.#busy) this.#fanOut();
  }

  /** The subscription of `member` as `user`: the one that it has, or another. */
  #subscriptionOf(member: M, user: string): Subscription {
    const subscription = this.#subscriptions.get(member);
    if (subscription?.user === user) return subscription;
    this.remove(member);
    const taken: Subscription = { user, channels: new Set() };
    this.#subscriptions.set(member, taken);
    add(this.#byUser, user, member);
    return taken;
  }

  get #waitingMessages(): number {
    return this.#backlog.length - this.#done;
  }

  /** Works through the backlog for one turn of the event loop, and goes on in another if that is not enough. */
  #fanOut(): void {
    this.#busy = true;
    this.#turns += 1;
    const turn = new Turn(this.#clock, this.#turns, this.#turnDeliveries);
    try {
      while (this.#step(turn)) {
        // Until the turn is over, or the backlog.
      }
    } finally {
      // A bug in what was stepped through stops that, and not the fan-out.
      this.#endTurn();
    }
  }

  #endTurn(): void {
    this.#forgetDone();
    if (this.#waitingMessages < BACKLOG_MESSAGES) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    }
    this.#busy = this.#delivering !== undefined || this.#waitingMessages > 0;
    if (this.#busy) this.#clock.setTimer(0, () => this.#fanOut());
  }

  /** Does the next thing, or a part of it. Returns whether to go on in this turn. */
  #step(turn: Turn): boolean {
    if (turn.over) return false;
    if (this.#delivering !== undefined) {
      if (serve(this.#delivering, turn)) this.#runIsOver();
      return true;
    }
    const next = this.#backlog[this.#done];
    if (next === undefined) return false;
    if (typeof next === "function") {
      this.#done += 1;
      next();
      return true;
    }
    const audience = this.#audience(next);
    if (audience === undefined || audience.size === 0) {
      this.#done += 1;
      this.#position = { id: next.id, sequence: next.sequence };
      return true;
    }
    const run = this.#takeRun(next);
    this.#delivering = { run, members: [...audience.keys()], audience, served: 0 };
    return true;
  }

  #runIsOver(): void {
    this.#delivering = undefined;
    const actions = this.#afterRun;
    this.#afterRun = [];
    for (const action of actions) action();
  }

  /** Takes `first`, the next of the backlog, and what follows to the same audience. */
  #takeRun(first: Message): Run {
    const run = new RunEncoder();
    for (;;) {
      const message = this.#backlog[this.#done];
      if (message === undefined || typeof message === "function") break;
      if (message.channel !== first.channel || message.user !== first.user) break;
      run.add(message);
      this.#done += 1;
      this.#position = { id: message.id, sequence: message.sequence };
      if (run.length >= this.#runLength || run.messages >= MAX_RUN_MESSAGES) break;
    }
    return run.finish();
  }

  #forgetDone(): void {
    if (this.#done === this.#backlog.length) this.#backlog = [];
    else if (this.#done > BACKLOG_MESSAGES) this.#backlog.splice(0, this.#done);
    else return;
    this.#done = 0;
  }

  #audience(message: Message): Audience<M> | undefined {
    if (message.user !== undefined) return this.#byUser.get(message.user);
    if (message.channel !== undefined) return this.#byChannel.get(message.channel);
    return this.#subscriptions;
  }
}

/** What one turn of the event loop may still do. */
class Turn {
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #number: number;
  #members = 0;
  #deliveries: number;
  #bytes = TURN_BYTES;
  #over = false;

  constructor(clock: Clock, number: number, deliveries: number) {
    this.#clock = clock;
    this.#number = number;
    this.#endMs = clock.steady() + TURN_MS;
    this.#deliveries = deliveries;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Counts a delivery of so many bytes. */
  delivered(member: Member, bytes: number): void {
    // A set of them would cost as much as the rest of a delivery in here.
    if (member.servedInTurn !== this.#number) {
      member.servedInTurn = this.#number;
      this.#members += 1;
    }
    this.#deliveries -= 1;
    this.#bytes -= bytes;
    const late = this.#deliveries % DELIVERIES_A_LOOK === 0 && this.#clock.steady() >= this.#endMs;
    this.#over = late || this.#members >= TURN_MEMBERS || this.#deliveries <= 0 ||
      this.#bytes <= 0;
  }
}

/** Hands a run to its members as long as the turn lasts. Returns whether all have it. */
function serve<M extends Member>(delivering: Delivering<M>, turn: Turn): boolean {
  const { run, members, audience } = delivering;
  while (!turn.over) {
    const member = members[delivering.served];
    if (member === undefined) return true;
    delivering.served += 1;
    // One that has left meanwhile, or was closed by what another was given, gets nothing.
    if (!audience.has(member)) continue;
    member.deliver(run);
    turn.delivered(member, run.frames.bytes);
  }
  return delivering.served === members.length;
}

function add<M>(table: Map<string, Set<M>>, key: string, member: M): void {
  const members = table.get(key);
  if (members === undefined) table.set(key, new Set([member]));
  else members.add(member);
}

function remove<M>(table: Map<string, Set<M>>, key: string, member: M): void {
  const members = table.get(key);
  members?.delete(member);
  if (members?.size === 0) table.delete(key);
}
