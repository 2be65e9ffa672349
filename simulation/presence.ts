/**
 * Asks gateways who is connected, and compares the answers with the open connections. One of several nodes
 * answers for the whole deployment or fails.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import type { ChannelUsersQuery, SessionDetails, UserDetails, Users } from "../gateway/ports.ts";
import { presenceOf } from "./leftovers.ts";
import type { GatewayProcess } from "./process.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { Session } from "./session.ts";
import type { WorldDeps } from "./world_deps.ts";

/** Time after which every node has discovered every other, in milliseconds. */
const HEARD_MS = 3000;
/**
 * Time after which no node counts a silent one, in milliseconds; one may have heard it just before.
 */
const SILENT_MS = 5000;

type Question =
  | { readonly about: "users"; readonly users: readonly string[] }
  | { readonly about: "a user"; readonly user: string }
  | { readonly about: "channel"; readonly channel: string }
  | ({ readonly about: "users of a channel" } & ChannelUsersQuery);

/** Compares the answers of gateways with the open connections. */
export class PresenceCheck {
  readonly #world: WorldDeps;

  constructor(world: WorldDeps) {
    this.#world = world;
  }

  /** Asks `process` a random question. */
  ask(process: GatewayProcess, random: Random): void {
    const { markDirty, broke, report, count, cluster, checker, clock } = this.#world;
    // The fan-out may execute a command a few turns later.
    if (process.users === undefined || checker.leftovers.commandedAt(clock.steady())) return;
    const question = this.#question(random);
    const cut = cluster?.isCutOff(process.slot) ?? false;
    const before = this.#expected(question);
    const asked = JSON.stringify(question);
    const arrived = this.#arrived(question);
    markDirty();
    answer(process.users, question).then(({ found, details }) => {
      count("presence answered");
      if (cut) report("presence covers all nodes", "a node that is cut off has answered");
      const after = this.#expected(question);
      if (before === undefined || before.basis !== after?.basis) return;
      count(`presence checked of ${question.about}`);
      const text = JSON.stringify(found);
      if (text === before.answer) return this.#checkPositions(details, arrived);
      const rule = cluster === undefined
        ? "presence matches the connections"
        : "presence covers all nodes";
      report(rule, `${asked}: ${text}, expected ${before.answer}`);
    }, (error: unknown) => {
      if (!(error instanceof OperationalError)) throw error;
      count("presence failed");
      if (cut || before === undefined || before.basis !== this.#expected(question)?.basis) return;
      report("presence covers all nodes", `${asked}: ${error.code} though all were there`);
    }).catch(broke);
  }

  /** By node, the sequences that have arrived at the user's clients, lowest first. */
  #arrived(question: Question): ReadonlyMap<string, readonly number[]> {
    const arrived = new Map<string, number[]>();
    for (const { ready, delivery, node } of this.#world.checker.sessions) {
      if (question.about !== "a user" || !ready || delivery?.user !== question.user) continue;
      arrived.set(String(node), [...arrived.get(String(node)) ?? [], delivery.last]);
    }
    for (const sequences of arrived.values()) sequences.sort((a, b) => a - b);
    return arrived;
  }

  /** Checks that what has arrived is said to be sent, and nothing that is yet to come. */
  #checkPositions(
    details: UserDetails | undefined,
    arrived: ReadonlyMap<string, readonly number[]>,
  ): void {
    const { report, checker } = this.#world;
    for (const [node, sequences] of arrived) {
      const here = details?.sessions.filter((each) => each.node === node) ?? [];
      // A node that is away has sessions, and is not asked.
      if (here.length === 0) continue;
      const sent = here.map(({ sentUpTo }) => Number(sentUpTo.split("-")[1])).sort((a, b) => a - b);
      // A replay says how far its pages are sent, and may have sent a part of the next.
      const live = here.every(({ replayingAfter }) => replayingAfter === null);
      const late = live && sequences.some((sequence, index) => (sent[index] ?? 0) < sequence);
      if (!late && sent.every((sequence) => sequence <= checker.history.head)) continue;
      const place = `sent up to ${sent}, arrived up to ${sequences}, head ${checker.history.head}`;
      report("presence matches the connections", `${node}: ${place}`);
    }
  }

  #question(random: Random): Question {
    const { users, channels } = this.#world;
    const channel = random.pick(channels);
    const luck = random.unit();
    if (luck < 0.2) return { about: "users", users: [...random.some(users, 0.4), "nobody"] };
    if (luck < 0.4) return { about: "a user", user: random.pick(users) };
    if (luck < 0.7) return { about: "channel", channel };
    const after = random.chance(0.7) ? random.pick([...users, "nobody"]) : undefined;
    return { about: "users of a channel", channel, after, limit: random.int(1, 5) };
  }

  /**
   * The expected answer, and what it depends on: the nodes, and the changes so far. `undefined` while it is
   * uncertain which nodes count.
   */
  #expected(question: Question): { readonly answer: string; readonly basis: string } | undefined {
    const { processes, checker, clock, cluster } = this.#world;
    const nodes: number[] = [];
    for (const slot of cluster?.slots ?? [0]) {
      const sinceMs = clock.steady() - (cluster?.changedAtMs(slot) ?? -Infinity);
      const process = processes.running.find((each) => each.slot === slot);
      if (process === undefined || cluster?.isCutOff(slot) === true) {
        if (sinceMs < SILENT_MS) return undefined;
        continue;
      }
      if (sinceMs < HEARD_MS) return undefined;
      nodes.push(process.number);
    }
    const sessions = checker.sessions.filter(({ node }) => nodes.includes(node));
    const basis = `${nodes.join()}, change ${checker.leftovers.changes}`;
    return { answer: JSON.stringify(expectedAnswer(question, sessions)), basis };
  }
}

interface Found {
  /** The answer as `expectedAnswer` has it. */
  readonly found: unknown;
  readonly details?: UserDetails;
}

async function answer(users: Users, question: Question): Promise<Found> {
  switch (question.about) {
    case "users": {
      const all = await users.presence(question.users);
      return { found: all.map(({ connections, channels }) => ({ connections, channels })) };
    }
    case "a user": {
      const details = await users.inspect(question.user);
      const { connections, channels, sessions } = details;
      return { found: { connections, channels, nodes: sessions.map(nodeOf).sort() }, details };
    }
    case "channel": {
      const { users: there, connections } = await users.channelPresence(question.channel);
      return { found: { users: there, connections } };
    }
    case "users of a channel": {
      const page = await users.channelUsers(question);
      const there = page.users.map((each) => [each.user, each.connections]);
      return { found: { users: there, more: page.more } };
    }
  }
}

function nodeOf({ node }: SessionDetails): string {
  return node;
}

function expectedAnswer(question: Question, sessions: readonly Session[]): unknown {
  if (question.about === "users") return question.users.map((user) => presenceOf(sessions, user));
  if (question.about === "a user") {
    const { user } = question;
    const nodes = sessions.filter((each) => each.ready && each.delivery?.user === user)
      .map(({ node }) => String(node));
    return { ...presenceOf(sessions, user), nodes: nodes.sort() };
  }
  const there = sessions.flatMap(({ ready, delivery }) => {
    return ready && delivery?.channels.has(question.channel) === true ? [delivery.user] : [];
  });
  const names = [...new Set(there)].sort();
  if (question.about === "channel") return { users: names.length, connections: there.length };
  const { after, limit } = question;
  const rest = names.filter((name) => after === undefined || name > after);
  return {
    users: rest.slice(0, limit).map((name) => [name, there.filter((each) => each === name).length]),
    more: rest.length > limit,
  };
}
