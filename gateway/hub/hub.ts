/**
 * Indexes ready members by user and channel, and fans out: every message of the log is encoded once and
 * delivered, in order, to the members that may see it.
 *
 * Consecutive messages to the same audience form a run, so that a member receives many at a time. The hub knows
 * members, not sockets; a slow peer is the connection's matter.
 *
 * @module
 */

import { type Run, RunEncoder } from "../session/encode.ts";
import { Channels } from "./channels.ts";
import { type Audience, SignalFanOut, type SignalMember } from "./signal_fan_out.ts";
import type {
  ChannelPresence,
  ChannelUsersQuery,
  Clock,
  ConnectedUsersPage,
  Message,
  Position,
  Signal,
} from "../ports.ts";
import { Waiters } from "../util.ts";

/** Longest time for which fan-out holds the event loop. */
const TURN_MS = 8;
/** Deliveries between two looks at the clock. */
const DELIVERIES_A_LOOK = 64;
/**
 * Members, bytes and deliveries that end a turn whatever the clock says. The clock does not include the writes
 * to sockets, which follow at the end of the turn: one for each member, about 14 µs.
 */
const TURN_MEMBERS = 1000;
const TURN_BYTES = 4 * 1024 * 1024;
const TURN_DELIVERIES = 50_000;
/** A run ends with the message that brings it to so many characters of JSON, or at so many messages. */
const MAX_RUN_LENGTH = 32 * 1024;
const MAX_RUN_MESSAGES = 256;
/** Messages that may wait for fan-out before publishers are held back. */
const BACKLOG_MESSAGES = 2000;

export interface Member extends SignalMember {
  /** Receives messages that this member may see. Must not throw. */
  deliver(run: Run): void;
  /** The turn of the fan-out that served it last; 0 at first. Only the hub changes it. */
  servedInTurn: number;
}

interface Subscription {
  readonly user: string;
  readonly channels: Set<string>;
}

export interface HubOptions {
  readonly clock: Clock;
  /** The head of the log; fan-out begins after it. */
  readonly position: Position;
  /** Characters of JSON at which a run ends, 32 Ki at most: a fraction of what may be unsent to a member. */
  readonly runLength?: number | undefined;
  /** Most deliveries in one turn of the event loop; 50,000 by default. Fewer for a clock that stands still. */
  readonly turnDeliveries?: number | undefined;
  /** Called when the first member of a user registers, and when the last one is removed. Must not throw. */
  readonly userChanged?: ((user: string, online: boolean) => void) | undefined;
  /** Called with the number of signals that were dropped. */
  readonly signalsDropped?: ((count: number) => void) | undefined;
}

interface Delivering<M> {
  readonly run: Run;
  /** The audience when delivery began. */
  readonly members: readonly M[];
  /** The audience now. */
  readonly audience: Audience<M>;
  /** Number of `members` that were served. */
  served: number;
  /** Departures when delivery began. */
  readonly departures: number;
}

export class Hub<M extends Member = Member> {
  readonly #clock: Clock;
  readonly #subscriptions = new Map<M, Subscription>();
  readonly #byUser = new Map<string, Set<M>>();
  readonly #channels = new Channels<M>();
  #position: Position;
  readonly #runLength: number;
  readonly #turnDeliveries: number;
  readonly #userChanged: (user: string, online: boolean) => void;
  #backlog: (Message | (() => void))[] = [];
  /** Number of entries of the backlog that are done. */
  #done = 0;
  #turns = 0;
  /** Counts members that left an audience. */
  #departures = 0;
  #delivering: Delivering<M> | undefined;
  #afterRun: (() => void)[] = [];
  /** Fan-out is running, or has a timer to continue. */
  #busy = false;
  readonly #waiting = new Waiters();
  readonly #signals: SignalFanOut<M>;

  constructor(
    { clock, position, runLength, turnDeliveries, userChanged, signalsDropped }: HubOptions,
  ) {
    this.#clock = clock;
    this.#position = position;
    this.#runLength = Math.min(runLength ?? MAX_RUN_LENGTH, MAX_RUN_LENGTH);
    this.#turnDeliveries = turnDeliveries ?? TURN_DELIVERIES;
    this.#userChanged = userChanged ?? (() => {});
    this.#signals = new SignalFanOut<M>({
      clock,
      audienceOf: (signal) => this.#audience(signal),
      isIdle: () => !this.#busy,
      dropped: signalsDropped ?? (() => {}),
      maxLength: this.#runLength,
      periodMembers: this.#turnDeliveries,
    });
  }

  /**
   * The last message whose fan-out has begun. A member that registers receives what follows it; in the middle of a
   * run, members may not have it yet.
   */
  get position(): Position {
    return this.#position;
  }

  /** Sizes of all tables, for tests. */
  get tables(): Readonly<Record<"members" | "listeners" | "users" | "channels", number>> {
    return {
      members: this.#subscriptions.size,
      listeners: this.#signals.listeners,
      users: this.#byUser.size,
      channels: this.#channels.size,
    };
  }

  /** Subscribes `member` as `user` to exactly `channels`, and to signals if it wants them. */
  register(member: M, user: string, channels: Iterable<string>): void {
    const subscription = this.#subscriptionOf(member, user);
    this.#signals.register(member);
    const wanted = new Set(channels);
    for (const channel of subscription.channels) {
      if (!wanted.has(channel)) this.unsubscribe(member, channel);
    }
    for (const channel of wanted) this.subscribe(member, channel);
  }

  remove(member: M): void {
    const subscription = this.#subscriptions.get(member);
    if (subscription === undefined) return;
    this.#signals.remove(member);
    this.#subscriptions.delete(member);
    this.#departures += 1;
    const { user, channels } = subscription;
    const members = this.#byUser.get(user);
    members?.delete(member);
    if (members?.size === 0) {
      this.#byUser.delete(user);
      this.#userChanged(user, false);
    }
    for (const channel of channels) this.#channels.remove(channel, { member, user });
  }

  /** Returns `false` if `member` is not registered or already subscribed. */
  subscribe(member: M, channel: string): boolean {
    const subscription = this.#subscriptions.get(member);
    if (subscription === undefined || subscription.channels.has(channel)) return false;
    subscription.channels.add(channel);
    this.#channels.add(channel, { member, user: subscription.user });
    return true;
  }

  /** Returns `false` if `member` was not subscribed. */
  unsubscribe(member: M, channel: string): boolean {
    const subscription = this.#subscriptions.get(member);
    if (subscription === undefined || !subscription.channels.delete(channel)) return false;
    this.#departures += 1;
    this.#channels.remove(channel, { member, user: subscription.user });
    return true;
  }

  /** Users with a member. */
  get users(): Iterable<string> {
    return this.#byUser.keys();
  }

  /** Returns a snapshot of the members of `user`. */
  membersOf(user: string): readonly M[] {
    return [...this.#byUser.get(user) ?? []];
  }

  /** Empty if `member` is not registered. */
  channelsOf(member: M): ReadonlySet<string> {
    return this.#subscriptions.get(member)?.channels ?? new Set();
  }

  channelPresence(channel: string): ChannelPresence {
    return this.#channels.presenceIn(channel);
  }

  channelUsers(query: ChannelUsersQuery): ConnectedUsersPage {
    return this.#channels.usersOf(query);
  }

  /** Resolves once fewer than {@linkcode BACKLOG_MESSAGES} messages wait for fan-out. */
  whenBelowBacklogLimit(): Promise<void> {
    if (this.#waitingMessages < BACKLOG_MESSAGES) return Promise.resolve();
    return this.#waiting.wait();
  }

  /** Fans out `messages`: at once as far as one turn of the event loop allows, the rest in later turns. */
  publish(messages: readonly Message[]): void {
    for (const message of messages) this.#backlog.push(message);
    if (!this.#busy) this.#fanOut();
  }

  /** Sends `signals` to the members that want and may see them, once every message before them is fanned out. */
  signal(signals: readonly Signal[]): void {
    this.#signals.publish(signals);
  }

  /**
   * Runs `action` as soon as no run is in progress, usually at once: every member then has everything up to
   * `position`. `action` must not throw.
   */
  betweenRuns(action: () => void): void {
    if (this.#delivering === undefined) action();
    else this.#afterRun.push(action);
  }

  /**
   * Runs `action` after the fan-out of everything that was published before, and before that of anything
   * published later. `action` must not throw.
   */
  inOrder(action: () => void): void {
    this.#backlog.push(action);
    if (!this.#busy) this.#fanOut();
  }

  /** Returns the subscription of `member`; replaces that of another user. */
  #subscriptionOf(member: M, user: string): Subscription {
    const subscription = this.#subscriptions.get(member);
    if (subscription?.user === user) return subscription;
    this.remove(member);
    const created: Subscription = { user, channels: new Set() };
    this.#subscriptions.set(member, created);
    const members = this.#byUser.get(user);
    members?.add(member);
    if (members === undefined) {
      this.#byUser.set(user, new Set([member]));
      this.#userChanged(user, true);
    }
    return created;
  }

  get #waitingMessages(): number {
    return this.#backlog.length - this.#done;
  }

  /** Processes the backlog for one turn of the event loop, and schedules another for the rest. */
  #fanOut(): void {
    this.#busy = true;
    this.#turns += 1;
    const turn = new Turn(this.#clock, this.#turns, this.#turnDeliveries);
    try {
      while (this.#step(turn)) {
        // Until the turn or the backlog ends.
      }
    } finally {
      // A bug in one step must not stop the fan-out.
      this.#endTurn();
    }
  }

  #endTurn(): void {
    this.#forgetDone();
    if (this.#waitingMessages < BACKLOG_MESSAGES) this.#waiting.releaseAll();
    this.#busy = this.#delivering !== undefined || this.#waitingMessages > 0;
    if (this.#busy) this.#clock.setTimer(0, () => this.#fanOut());
    else this.#signals.resume();
  }

  /** Processes the next entry of the backlog, or a part of it. Returns whether to continue in this turn. */
  #step(turn: Turn): boolean {
    if (turn.over) return false;
    if (this.#delivering !== undefined) {
      if (this.#serve(this.#delivering, turn)) this.#finishRun();
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
    this.#delivering = {
      run,
      members: [...audience.keys()],
      audience,
      served: 0,
      departures: this.#departures,
    };
    return true;
  }

  /** Delivers a run to its members until the turn ends. Returns whether all have it. */
  #serve(delivering: Delivering<M>, turn: Turn): boolean {
    const { run, members, audience, departures } = delivering;
    while (!turn.over) {
      const member = members[delivering.served];
      if (member === undefined) return true;
      delivering.served += 1;
      // It was unsubscribed meanwhile, or closed by a delivery to another. If nobody left, the lookup is saved.
      if (this.#departures !== departures && !audience.has(member)) continue;
      member.deliver(run);
      turn.delivered(member, run.frames.bytes);
    }
    return delivering.served === members.length;
  }

  #finishRun(): void {
    this.#delivering = undefined;
    const actions = this.#afterRun;
    this.#afterRun = [];
    for (const action of actions) action();
  }

  /** Takes `first`, the next of the backlog, and those that follow to the same audience. */
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

  #audience({ user, channel }: Pick<Message, "user" | "channel">): Audience<M> | undefined {
    if (user !== undefined) return this.#byUser.get(user);
    if (channel !== undefined) return this.#channels.membersOf(channel);
    return this.#subscriptions;
  }
}

/** The budget of one turn of the event loop. */
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

  delivered(member: Member, bytes: number): void {
    // A set of members would cost as much as the rest of a delivery here.
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
