/**
 * Indexes members by channel, and counts and lists the users of each channel.
 *
 * @module
 */

import type {
  ChannelPresence,
  ChannelUsersQuery,
  ConnectedUser,
  ConnectedUsersPage,
} from "../ports.ts";
import { SortedCounts } from "./sorted_counts.ts";

interface Channel<M> {
  readonly members: Set<M>;
  /** The users of `members`, each with the number of theirs. */
  readonly users: SortedCounts;
}

/** A member, and the user whose it is. */
interface Membership<M> {
  readonly member: M;
  readonly user: string;
}

export class Channels<M> {
  readonly #channels = new Map<string, Channel<M>>();

  /** Number of channels with members. */
  get size(): number {
    return this.#channels.size;
  }

  /** `undefined` if there are none. */
  membersOf(channel: string): ReadonlySet<M> | undefined {
    return this.#channels.get(channel)?.members;
  }

  /** Adds a member that is not in `channel`. */
  add(channel: string, { member, user }: Membership<M>): void {
    let joined = this.#channels.get(channel);
    if (joined === undefined) {
      joined = { members: new Set(), users: new SortedCounts() };
      this.#channels.set(channel, joined);
    }
    joined.members.add(member);
    joined.users.add(user);
  }

  /** Removes a member that is in `channel`. */
  remove(channel: string, { member, user }: Membership<M>): void {
    const left = this.#channels.get(channel);
    left?.members.delete(member);
    left?.users.remove(user);
    if (left?.members.size === 0) this.#channels.delete(channel);
  }

  presenceIn(channel: string): ChannelPresence {
    const { members, users } = this.#channels.get(channel) ?? {};
    return { users: users?.size ?? 0, connections: members?.size ?? 0 };
  }

  usersOf({ channel, after, limit }: ChannelUsersQuery): ConnectedUsersPage {
    const users: ConnectedUser[] = [];
    for (const [user, connections] of this.#channels.get(channel)?.users.after(after) ?? []) {
      if (users.length === limit) return { users, more: true };
      users.push({ user, connections });
    }
    return { users, more: false };
  }
}
