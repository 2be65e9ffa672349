/**
 * Who is ready, by user and by channel, and fan-out: every message that the log hands over goes, in
 * order and encoded once, to those who may see it.
 *
 * It knows members, not sockets: how a member copes with what it is given is the connection's matter.
 *
 * @module
 */

import { type Encoded, encodeMessage } from "./encode.ts";
import type { Clock, Message, Position } from "./ports.ts";

/** Deliveries after which the fan-out lets the event loop serve other things. */
const DELIVERIES_AT_ONCE = 2000;
/** Bytes sent after which it does so too. */
const BYTES_AT_ONCE = 256 * 1024;
/** Messages that may wait for fan-out before publishers are held up. */
const BACKLOG_MESSAGES = 2000;

/** Somebody who is ready to receive. */
export interface Member {
  /** Takes a message that this member may see. Must not throw. */
  deliver(encoded: Encoded): void;
}

/** What the hub knows of a member. */
interface Seat {
  readonly user: string;
  readonly channels: Set<string>;
}

/** What a hub works with. */
export interface HubOptions {
  /** For turns with the event loop. */
  readonly clock: Clock;
  /** Where fan-out begins: the head of the log. */
  readonly position: Position;
}

/** The tables of who is ready, and the fan-out. */
export class Hub<M extends Member = Member> {
  readonly #clock: Clock;
  readonly #seats = new Map<M, Seat>();
  readonly #byUser = new Map<string, Set<M>>();
  readonly #byChannel = new Map<string, Set<M>>();
  #position: Position;
  #backlog: (Message | (() => void))[] = [];
  #resting = false;
  #waiting: (() => void)[] = [];

  /** A hub without members. */
  constructor({ clock, position }: HubOptions) {
    this.#clock = clock;
    this.#position = position;
  }

  /** The last message that was fanned out. */
  get position(): Position {
    return this.#position;
  }

  /** How many members there are. */
  get size(): number {
    return this.#seats.size;
  }

  /** Sizes of every table, for tests and assertions that nothing is left behind. */
  get tables(): { readonly members: number; readonly users: number; readonly channels: number } {
    return {
      members: this.#seats.size,
      users: this.#byUser.size,
      channels: this.#byChannel.size,
    };
  }

  /** Makes `member` receive what `user` and `channels` may see; replaces what it received before. */
  join(member: M, user: string, channels: Iterable<string>): void {
    const seat = this.#seatOf(member, user);
    const wanted = new Set(channels);
    for (const channel of seat.channels) if (!wanted.has(channel)) this.exit(member, channel);
    for (const channel of wanted) this.enter(member, channel);
  }

  /** Makes `member` receive nothing more. */
  leave(member: M): void {
    const seat = this.#seats.get(member);
    if (seat === undefined) return;
    this.#seats.delete(member);
    remove(this.#byUser, seat.user, member);
    for (const channel of seat.channels) remove(this.#byChannel, channel, member);
  }

  /** Adds a channel to a member. Returns whether that changed anything. */
  enter(member: M, channel: string): boolean {
    const seat = this.#seats.get(member);
    if (seat === undefined || seat.channels.has(channel)) return false;
    seat.channels.add(channel);
    add(this.#byChannel, channel, member);
    return true;
  }

  /** Takes a channel from a member. Returns whether that changed anything. */
  exit(member: M, channel: string): boolean {
    const seat = this.#seats.get(member);
    if (seat === undefined || !seat.channels.delete(channel)) return false;
    remove(this.#byChannel, channel, member);
    return true;
  }

  /** The members of `user`, as they are now. */
  membersOf(user: string): readonly M[] {
    return [...this.#byUser.get(user) ?? []];
  }

  /** The channels of `member`. */
  channelsOf(member: M): ReadonlySet<string> {
    return this.#seats.get(member)?.channels ?? new Set();
  }

  /** Resolves when the fan-out is close enough to the log for more to be published. */
  ready(): Promise<void> {
    if (this.#backlog.length < BACKLOG_MESSAGES) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Fans out `messages`: at once what is little, the rest in turns with the event loop. */
  publish(messages: readonly Message[]): void {
    for (const message of messages) this.#backlog.push(message);
    if (!this.#resting) this.#fanOut();
  }

  /**
   * Runs `action` once everything that was handed over before has been fanned out, and nothing after. It
   * must not throw.
   */
  inOrder(action: () => void): void {
    this.#backlog.push(action);
    if (!this.#resting) this.#fanOut();
  }

  /**
   * The seat of `member` as `user`. One that it has already is kept: a member that gave up its place in
   * a set and took another would be met twice by a delivery that is going through the set.
   */
  #seatOf(member: M, user: string): Seat {
    const seat = this.#seats.get(member);
    if (seat?.user === user) return seat;
    this.leave(member);
    const taken: Seat = { user, channels: new Set() };
    this.#seats.set(member, taken);
    add(this.#byUser, user, member);
    return taken;
  }

  #fanOut(): void {
    let deliveries = 0;
    let bytes = 0;
    let done = 0;
    for (const message of this.#backlog) {
      if (deliveries >= DELIVERIES_AT_ONCE || bytes >= BYTES_AT_ONCE) break;
      done += 1;
      if (typeof message === "function") {
        message();
        continue;
      }
      const audience = this.#audience(message);
      const size = audience?.size ?? 0;
      if (audience !== undefined && size > 0) {
        const encoded = encodeMessage(message);
        // A member that is closed by what it is given leaves the set meanwhile, which a Set allows.
        for (const member of audience.keys()) member.deliver(encoded);
        deliveries += size;
        bytes += size * encoded.bytes;
      }
      this.#position = { id: message.id, sequence: message.sequence };
    }
    this.#backlog = done === this.#backlog.length ? [] : this.#backlog.slice(done);
    if (this.#backlog.length < BACKLOG_MESSAGES) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
    }
    this.#resting = this.#backlog.length > 0;
    if (!this.#resting) return;
    this.#clock.setTimer(0, () => {
      this.#resting = false;
      this.#fanOut();
    });
  }

  #audience(message: Message): ReadonlySet<M> | ReadonlyMap<M, Seat> | undefined {
    if (message.user !== undefined) return this.#byUser.get(message.user);
    if (message.channel !== undefined) return this.#byChannel.get(message.channel);
    return this.#seats;
  }
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
