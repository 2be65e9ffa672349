/**
 * Lists deliberate bugs of the webhooks.
 *
 * @module
 */

import type { Clock, Nodes, NodeState } from "../../gateway/ports.ts";
import type { Post } from "../../gateway/webhooks/mod.ts";
import { replaced } from "../../simulation/mod.ts";
import { type Bug, onceIn } from "./bug.ts";

const DEBOUNCE_MS = 1000;
const TAKEN = { status: 204 };

function post(name: string, change: (real: Post, clock: Clock) => Post): Bug {
  return { name, make: () => ({ post: change }) };
}

/** Drops those changes of users for which `drops` is true. */
function changes(name: string, drops: (user: string, clock: Clock) => boolean): Bug {
  return {
    name,
    make: () => ({
      webhooks: (real, clock) =>
        replaced(real, {
          userChanged: (user, online) => {
            if (!drops(user, clock)) real.userChanged(user, online);
          },
        }),
    }),
  };
}

function userOf(body: string): string {
  return JSON.parse(body).data.user;
}

/** The last change within a debounce is not seen. */
function lostInDebounce(): Bug {
  const changedAtMs = new Map<string, number>();
  return changes("the debounce drops the last state", (user, clock) => {
    const before = changedAtMs.get(user) ?? 0;
    changedAtMs.set(user, clock.steady());
    return clock.steady() - before < DEBOUNCE_MS;
  });
}

/** A change is not seen while a webhook about the user is on its way. */
function lostOnTheWay(): Bug {
  const open = new Set<string>();
  const bug = changes("a state that replaces one on its way is lost", (user) => open.has(user));
  return {
    name: bug.name,
    make: () => ({
      ...bug.make(),
      post: (real) => async (url, init) => {
        const user = userOf(init.body);
        open.add(user);
        try {
          return await real(url, init);
        } finally {
          open.delete(user);
        }
      },
    }),
  };
}

export const WEBHOOK_BUGS: readonly Bug[] = [
  post("a webhook that failed is not repeated", (real) => {
    return (url, init) => real(url, init).then(() => answer(), () => answer());
  }),
  post("the start of a gateway is not told", (real) => (url, init) => {
    return init.body.includes("gateway.started") ? Promise.resolve(answer()) : real(url, init);
  }),
  post("a webhook overtakes another of the same user", (real, clock) => {
    const now = onceIn(20);
    return (url, init) => {
      if (!now()) return real(url, init);
      clock.setTimer(60_000, () => void real(url, init));
      return Promise.resolve(answer());
    };
  }),
  lostInDebounce(),
  lostOnTheWay(),
  {
    name: "the backend's questions are not noted",
    make: () => ({ webhooks: (real) => replaced(real, { observing: (users) => users }) }),
  },
];

/** Changes what a node hears of the others about a user. */
function states(name: string, change: (state: NodeState) => NodeState): Bug {
  return nodes(name, (real) => ({
    statesOf: async (users) => {
      const answers = await real.statesOf(users);
      return answers.map(({ node, states }) => ({ node, states: states.map(change) }));
    },
  }));
}

function nodes(name: string, change: (real: Nodes) => Partial<Nodes>): Bug {
  return {
    name,
    make: () => ({
      webhooks: (real) =>
        replaced(real, {
          join: (local, others) => {
            real.join(local, others && replaced(others, change(others)));
          },
        }),
    }),
  };
}

/** Bugs that need several nodes. */
export const NODE_WEBHOOK_BUGS: readonly Bug[] = [
  states("each node tells what it has itself", (state) => ({ ...state, connections: 0 })),
  states("each node waits for another to tell", ({ connections }) => {
    return { connections, entry: { belief: "unknown", certain: false, phase: "sending" } };
  }),
  states("a node does not see that another tells", ({ connections }) => ({ connections })),
  nodes("a node that was cut off does not tell its users again", (real) => ({
    listen: (listener) => real.listen({ ...listener, reunited: () => {} }),
  })),
];

function answer(): Response {
  return new Response(null, TAKEN);
}
