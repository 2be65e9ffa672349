/**
 * Lists deliberate bugs in the answers about who is connected.
 *
 * @module
 */

import type { Users } from "../../gateway/ports.ts";
import { replaced } from "../../simulation/mod.ts";
import type { Bug } from "./bug.ts";

function users(name: string, change: (real: Users) => Partial<Users>): Bug {
  return { name, make: () => ({ users: (real) => replaced(real, change(real)) }) };
}

/** Bugs of a gateway that answers for itself. */
export const PRESENCE_BUGS: readonly Bug[] = [
  users("presence of many users comes in the order of their names", (real) => ({
    presence: (asked) => real.presence([...asked].sort()),
  })),
  users("a connection is said to be sent what is one message less", (real) => ({
    inspect: async (user) => {
      const found = await real.inspect(user);
      const sessions = found.sessions.map((session) => {
        const [epoch, sequence] = session.sentUpTo.split("-");
        return { ...session, sentUpTo: `${epoch}-${Number(sequence) - 1}` };
      });
      return { ...found, sessions };
    },
  })),
  users("a channel counts a user once for each connection", (real) => ({
    channelPresence: async (channel) => {
      const { connections } = await real.channelPresence(channel);
      return { users: connections, connections };
    },
  })),
  users("a page of a channel's users begins with the user that it is to follow", (real) => ({
    channelUsers: async ({ channel, after = "", limit }) => {
      const all = await real.channelUsers({ channel, after: undefined, limit: 1000 });
      const rest = all.users.filter(({ user }) => user >= after);
      return { users: rest.slice(0, limit), more: rest.length > limit };
    },
  })),
  users("more users of a channel follow than there are", (real) => ({
    channelUsers: async (query) => {
      const { users } = await real.channelUsers(query);
      return { users, more: users.length === query.limit };
    },
  })),
];
