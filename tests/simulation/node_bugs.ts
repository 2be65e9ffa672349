/**
 * Lists deliberate bugs of several nodes on one log.
 *
 * @module
 */

import type { CommandLog, MessageLog, SharedCommand } from "../../gateway/ports.ts";
import type { ClusterNode } from "../../simulation/cluster.ts";
import { replaced } from "../../simulation/mod.ts";
import type { Bug } from "./bug.ts";

/** Changes the commands that a node follows. */
function commands(
  name: string,
  change: (
    node: ClusterNode,
    listener: (command: SharedCommand) => void,
  ) => (command: SharedCommand) => void,
): Bug {
  const wrap = (node: ClusterNode): CommandLog =>
    replaced<CommandLog>(node, {
      subscribeCommands: (listener) => node.subscribeCommands(change(node, listener)),
    });
  return { name, make: () => ({ commands: wrap }) };
}

/** Bugs that need several nodes or a shared log. */
export const NODE_BUGS: readonly Bug[] = [
  commands("a node that was cut off does not execute what it missed", (node, listener) => {
    return (command) => {
      if (node.lateMs < 1500) listener(command);
    };
  }),
  commands("a node that lags executes a leave after the messages that follow", (node, listener) => {
    return (command) => {
      if (command.do !== "leave" || node.lateMs < 200) return listener(command);
      const stop = node.subscribe(() => {
        stop();
        listener(command);
      });
    };
  }),
  commands("a revocation is not told to other nodes", (node, listener) => {
    let own: SharedCommand | undefined;
    const append = node.appendCommand.bind(node);
    node.appendCommand = (command) => {
      own = command;
      return append(command);
    };
    return (command) => {
      if (command.do !== "revoke" || command === own) listener(command);
    };
  }),
  {
    name: "a node that starts does not read the revocations",
    make: () => ({
      node: (node) => {
        const known = new Map<string, number>();
        node.subscribeCommands((command) => {
          if (command.do === "revoke") known.set(command.user, command.issuedBefore);
        });
        const { revocations } = node;
        return replaced<MessageLog>(node, {
          revocations: {
            revoke: (revocation) => revocations.revoke(revocation),
            isRevoked: ({ user, issuedAt }) => issuedAt < (known.get(user) ?? 0),
          },
        });
      },
    }),
  },
  {
    name: "a replay ignores commands",
    make: () => ({ accepted: (connection) => connection.executeInReplay = () => {} }),
  },
  {
    name: "a command overtakes messages",
    make: () => ({
      accepted: (connection) => {
        const real = connection.executeInReplay.bind(connection);
        connection.executeInReplay = (command, sequence) => {
          real(command, sequence);
          if (command.do !== "disconnect") connection.execute(command);
        };
      },
    }),
  },
  {
    name: "a resume on a node that lags skips what the node has not read",
    make: () => ({
      node: (node) => {
        const read = node.read.bind(node);
        node.read = async (query) => {
          const page = await read(query);
          if (page === "expired" || page.more) return page;
          return { ...page, upTo: node.cluster.stored.head() };
        };
        return node;
      },
    }),
  },
  {
    name: "a node that lags does not wait for what a client has seen elsewhere",
    make: () => ({
      node: (node) => {
        const read = node.read.bind(node);
        node.read = (query) => {
          const sequence = Number(query.after?.split("-")[1] ?? 0);
          if (sequence <= node.head().sequence) return read(query);
          return Promise.resolve("expired");
        };
        return node;
      },
    }),
  },
  {
    name: "the limit on a user's connections is each node's own",
    make: () => ({ limited: (users) => replaced(users, { readyTimes: () => [] }) }),
  },
  {
    name: "the newest of a user's connections is replaced, too",
    make: () => ({
      limited: (users) =>
        replaced(users, { replaceOlder: (user) => users.replaceOlder(user, Infinity) }),
    }),
  },
  {
    name: "a node that lags passes signals on before the messages that they follow",
    make: () => ({ commands: (node) => replaced<CommandLog>(node, { followed: Infinity }) }),
  },
  {
    name: "presence counts only the node that is asked",
    make: () => ({
      users: (users, local) => replaced(users, { presence: (asked) => local.presence(asked) }),
    }),
  },
  {
    name: "connections are described of only the node that is asked",
    make: () => ({
      users: (users, local) =>
        replaced(users, {
          inspect: async (user) => {
            const { sessions } = await local.inspect(user);
            return { ...await users.inspect(user), sessions };
          },
        }),
    }),
  },
  {
    name: "a channel counts only the node that is asked",
    make: () => ({
      users: (users, local) =>
        replaced(users, { channelPresence: (channel) => local.channelPresence(channel) }),
    }),
  },
  {
    name: "a page of a channel's users is as long as those of all nodes together",
    make: () => ({
      users: (users) =>
        replaced(users, {
          channelUsers: (query) => users.channelUsers({ ...query, limit: query.limit * 3 }),
        }),
    }),
  },
];
