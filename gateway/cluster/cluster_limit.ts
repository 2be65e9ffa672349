/**
 * Applies the limit on the connections of one user to all nodes of a deployment.
 *
 * After each Ready, the node asks all nodes when the user's connections became ready, and has those closed that
 * are older than the newest that the limit allows. Connections that are too many among some of the user's are too
 * many among all, so every answer takes effect at once. A node that cannot be reached is limited again at the
 * user's next Ready. Of connections that became ready in the same instant, all stay.
 *
 * Times are compared across nodes, whose clocks have to agree.
 *
 * @module
 */

import type { Clock, IdGenerator, LimitedUsers } from "../ports.ts";
import type { Bus } from "./bus.ts";

export interface ClusterLimitDeps {
  readonly bus: Bus;
  /** The connections of this node. */
  readonly local: LimitedUsers;
  readonly clock: Clock;
  /** Generates subjects of replies. */
  readonly ids: IdGenerator;
  /** Prefix of the subjects; the same on all nodes. */
  readonly subject: string;
  readonly maxConnectionsPerUser: number;
}

/** Asks for the times of a user's connections. */
interface Question {
  readonly user: string;
}

/** Closes the connections of `user` that were ready before `time`. */
interface Replacement {
  readonly user: string;
  readonly time: number;
}

const ANSWER_TIMEOUT_MS = 2000;

/** Applies the limit until the bus is closed. */
export function limitClusterUsers(deps: ClusterLimitDeps): void {
  const { bus, local, subject } = deps;
  bus.subscribe(`${subject}.ready`, (text, reply) => {
    const { user }: Question = JSON.parse(text);
    const times = local.readyTimes(user);
    if (reply !== undefined && times.length > 0) bus.publish(reply, JSON.stringify(times));
  });
  bus.subscribe(`${subject}.replaced`, (text) => {
    const { user, time }: Replacement = JSON.parse(text);
    local.replaceOlder(user, time);
  });
  local.onReady = (user) => applyLimit(user, deps);
}

function applyLimit(
  user: string,
  { bus, clock, ids, subject, maxConnectionsPerUser }: ClusterLimitDeps,
): void {
  const newest: number[] = [];
  const reply = `${subject}.answers.${ids.next()}`;
  const unsubscribe = bus.subscribe(reply, (text) => {
    const times: readonly number[] = JSON.parse(text);
    newest.push(...times);
    newest.sort((a, b) => b - a);
    const excess = newest.splice(maxConnectionsPerUser);
    const time = newest.at(-1);
    if (excess.length === 0 || time === undefined) return;
    bus.publish(`${subject}.replaced`, JSON.stringify({ user, time } satisfies Replacement));
  });
  clock.setTimer(ANSWER_TIMEOUT_MS, unsubscribe);
  bus.publish(`${subject}.ready`, JSON.stringify({ user } satisfies Question), reply);
}
