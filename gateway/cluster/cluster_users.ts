/**
 * Executes commands and reports presence on all nodes of a deployment.
 *
 * A command is appended to the log, so that no node misses it: one that was disconnected executes it before the
 * messages that follow. The node that appended it waits up to 2 s for the live nodes to answer that they have
 * executed it.
 *
 * Presence is a question to all nodes over the bus; each answers for its own connections, as far as one text of
 * the bus reaches, and the rest is asked again. Nodes send a heartbeat every second, and one that is silent for
 * three seconds no longer counts as live. A question that a live node does not answer fails, so that a partial
 * answer is never taken for a complete one.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type {
  ChannelPresence,
  ChannelUsersQuery,
  Clock,
  CommandLog,
  ConnectedUsersPage,
  IdGenerator,
  Logger,
  NodeListener,
  Nodes,
  NodeStates,
  Presence,
  SessionDetails,
  SharedCommand,
  Timer,
  UserCommand,
  UserDetails,
  Users,
  UserState,
} from "../ports.ts";
import { delay, toError } from "../util.ts";
import type { Bus } from "./bus.ts";

export interface ClusterUsersDeps {
  readonly bus: Bus;
  /** The connections of this node. */
  readonly local: Users;
  readonly log: CommandLog;
  readonly clock: Clock;
  /** Generates the name of this node and subjects of replies. */
  readonly ids: IdGenerator;
  readonly logger: Logger;
  /** Prefix of the subjects; the same on all nodes, and outside the stream's. */
  readonly subject: string;
}

/** Asks for the presence of `user` and `others`. Older nodes neither send nor know more than `user`. */
interface UsersQuestion {
  readonly user: string;
  readonly others?: readonly string[];
  /** Asks for the connections of `user` one by one. */
  readonly inspect?: true;
}

/** The presence of the user in question, and of the first of the others. Also the answer to a command. */
interface UsersAnswer extends Presence {
  readonly others?: readonly Presence[];
  readonly sessions?: readonly SessionDetails[];
}

/** The answer of a node. */
type Answer<A> = A & { readonly node: string };

interface Answers<A> {
  /** The subject to answer to. */
  readonly reply: string;
  /** The answers; `complete` if every live node has answered. */
  readonly all: Promise<{ readonly answers: readonly Answer<A>[]; readonly complete: boolean }>;
  /** Stops waiting. */
  stop(): void;
}

/** By the last part of its subject: a question, and what a node answers. */
interface Topics {
  readonly users: { readonly question: UsersQuestion; readonly answer: UsersAnswer };
  readonly channels: {
    readonly question: ChannelUsersQuery;
    readonly answer: ConnectedUsersPage;
  };
  readonly states: {
    readonly question: { readonly node: string; readonly users: readonly string[] };
    readonly answer: Pick<NodeStates, "states">;
  };
  readonly settled: {
    readonly question: { readonly node: string; readonly user: string; readonly state: UserState };
    readonly answer: Readonly<Record<never, never>>;
  };
}

interface Heartbeat {
  readonly node: string;
  readonly state: "new" | "here" | "gone";
}

const HEARTBEAT_MS = 1000;
const NODE_TIMEOUT_MS = 3000;
const ANSWER_TIMEOUT_MS = 2000;
/** Matches what {@linkcode IdGenerator} returns. */
const ID = /^[0-9a-z]{1,40}$/;
const NO_CONNECTIONS: Presence = { connections: 0, channels: [] };
/**
 * Most characters of JSON that list users in one text, so that in UTF-8 it fits into NATS's `max_payload`, which
 * is 1 MiB by default.
 */
const MAX_LIST_LENGTH = 256 * 1024;
/** Users of a channel that each node lists at a time to have them counted. */
const COUNTED_AT_A_TIME = 8192;
/** Time for the other nodes to answer the first heartbeat of a new one. */
const GREETING_MS = 250;

export class ClusterUsers implements Users, Nodes {
  readonly node: string;
  readonly #deps: ClusterUsersDeps;
  readonly #startedAt: number;
  readonly #subscriptions: (() => void)[];
  /** Steady time of each node's last heartbeat. */
  readonly #lastSeen = new Map<string, number>();
  #listener: NodeListener | undefined;
  #timer: Timer;

  private constructor(deps: ClusterUsersDeps) {
    const { ids, subject, bus, log } = deps;
    this.#deps = deps;
    this.node = ids.next();
    this.#startedAt = deps.clock.steady();
    this.#subscriptions = [
      bus.subscribe(`${subject}.nodes`, (text) => this.#receiveHeartbeat(JSON.parse(text))),
      log.subscribeCommands((command) => void this.#receive(command)),
    ];
    this.#listen("users", (question) => this.#usersAnswer(question));
    this.#listen("channels", (question) => this.#channelAnswer(question));
    this.#timer = this.#sendHeartbeat("new");
  }

  /** Subscribes, and resolves once the other nodes had 250 ms to send a heartbeat. */
  static async start(deps: ClusterUsersDeps): Promise<ClusterUsers> {
    const users = new ClusterUsers(deps);
    await delay(deps.clock, GREETING_MS);
    return users;
  }

  /** Stores `command` and waits up to 2 s for the live nodes; counts the connections closed by then. */
  async execute(command: UserCommand): Promise<number> {
    const { reply, all, stop } = this.#gather<UsersAnswer>();
    try {
      await this.#deps.log.appendCommand({ ...command, reply });
    } catch (error) {
      stop();
      throw error;
    }
    // It is stored: a node that has not answered executes it later.
    const { answers } = await all;
    return sum(answers.map(({ connections }) => connections));
  }

  async presence(users: readonly string[]): Promise<readonly Presence[]> {
    const found: Presence[] = [];
    for (;;) {
      const [user, ...others] = fitting(users.slice(found.length));
      if (user === undefined) return found;
      const answers = await this.#ask("users", { user, others });
      const lists = answers.map(({ connections, channels, others = [] }) => {
        return [{ connections, channels }, ...others];
      });
      const covered = Math.min(...lists.map(({ length }) => length));
      for (let index = 0; index < covered; index += 1) {
        found.push(united(lists.flatMap((list) => list[index] ?? [])));
      }
    }
  }

  /** Connections of older nodes are counted and not described. */
  async inspect(user: string): Promise<UserDetails> {
    const answers = await this.#ask("users", { user, inspect: true });
    const sessions = answers.flatMap((answer) => answer.sessions ?? []);
    return { ...united(answers), sessions: sessions.sort((a, b) => b.since - a.since) };
  }

  /** Counts by listing, because a user may be on many nodes. */
  async channelPresence(channel: string): Promise<ChannelPresence> {
    let users = 0;
    let connections = 0;
    let after: string | undefined;
    for (;;) {
      const page = await this.channelUsers({ channel, after, limit: COUNTED_AT_A_TIME });
      users += page.users.length;
      connections += sum(page.users.map((each) => each.connections));
      after = page.users.at(-1)?.user;
      if (!page.more || after === undefined) return { users, connections };
    }
  }

  async channelUsers(query: ChannelUsersQuery): Promise<ConnectedUsersPage> {
    const pages = await this.#ask("channels", query);
    return merged(pages, query.limit);
  }

  listen(listener: NodeListener): void {
    this.#listener = listener;
    this.#listen("states", ({ node, users }) => ({ states: listener.statesFor(node, users) }));
    this.#listen("settled", ({ node, user, state }) => {
      if (node !== this.node) listener.settled(node, user, state);
      return {};
    });
  }

  statesOf(users: readonly string[]): Promise<readonly NodeStates[]> {
    return this.#ask("states", { node: this.node, users });
  }

  settled(user: string, state: UserState): void {
    this.#ask("settled", { node: this.node, user, state }).catch(() => {});
  }

  /** Unsubscribes and announces that this node is gone. */
  close(): void {
    this.#timer.cancel();
    this.#announce("gone");
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }

  #sendHeartbeat(state: Heartbeat["state"]): Timer {
    this.#announce(state);
    return this.#deps.clock.setTimer(HEARTBEAT_MS, () => {
      this.#timer = this.#sendHeartbeat("here");
    });
  }

  #announce(state: Heartbeat["state"]): void {
    const { bus, subject } = this.#deps;
    bus.publish(`${subject}.nodes`, JSON.stringify({ node: this.node, state }));
  }

  #receiveHeartbeat({ node, state }: Heartbeat): void {
    const { clock, logger } = this.#deps;
    if (state === "gone") {
      if (this.#lastSeen.delete(node)) logger.info("node left", { node });
      return;
    }
    if (!this.#lastSeen.has(node) && node !== this.node) {
      logger.info("node joined", { node });
    }
    const silentMs = clock.steady() - (this.#lastSeen.get(node) ?? this.#startedAt);
    this.#lastSeen.set(node, clock.steady());
    if (state === "here" && silentMs >= NODE_TIMEOUT_MS) this.#listener?.reunited();
    if (state === "new" && node !== this.node) this.#announce("here");
  }

  /** Prefix of the subjects of replies. */
  get #answers(): string {
    return `${this.#deps.subject}.answers.`;
  }

  #answer<A>(reply: string, answer: A): void {
    this.#deps.bus.publish(reply, JSON.stringify({ node: this.node, ...answer }));
  }

  /** Answers the questions on `topic`. */
  #listen<T extends keyof Topics>(
    topic: T,
    answer: (question: Topics[T]["question"]) => Topics[T]["answer"] | Promise<Topics[T]["answer"]>,
  ): void {
    const { bus, subject, logger } = this.#deps;
    const unsubscribe = bus.subscribe(`${subject}.${topic}`, (text, reply) => {
      if (reply === undefined) return;
      const question: Topics[T]["question"] = JSON.parse(text);
      Promise.try(() => answer(question)).then((found) => this.#answer(reply, found))
        .catch((error) => logger.error("question not answered", { error: toError(error) }));
    });
    this.#subscriptions.push(unsubscribe);
  }

  async #usersAnswer({ user, others = [], inspect }: UsersQuestion): Promise<UsersAnswer> {
    if (inspect === true) return await this.#deps.local.inspect(user);
    const found = await this.#deps.local.presence([user, ...others]);
    const [first = NO_CONNECTIONS, ...rest] = fitting(found);
    return { ...first, others: rest };
  }

  async #channelAnswer(query: ChannelUsersQuery): Promise<ConnectedUsersPage> {
    const { users, more } = await this.#deps.local.channelUsers(query);
    const fit = fitting(users);
    return { users: fit, more: more || fit.length < users.length };
  }

  /** @throws {OperationalError} `log_unavailable` when a live node does not answer */
  async #ask<T extends keyof Topics>(
    topic: T,
    question: Topics[T]["question"],
  ): Promise<readonly Answer<Topics[T]["answer"]>[]> {
    const { bus, subject } = this.#deps;
    const { reply, all } = this.#gather<Topics[T]["answer"]>();
    bus.publish(`${subject}.${topic}`, JSON.stringify(question), reply);
    const { answers, complete } = await all;
    if (complete) return answers;
    throw new OperationalError("log_unavailable", "not every gateway has answered; try again");
  }

  async #receive({ reply, ...command }: SharedCommand): Promise<void> {
    const { local, logger } = this.#deps;
    if (reply === undefined) return void await local.execute(command);
    // Otherwise a writer to the stream could make the nodes publish to any subject.
    if (!reply.startsWith(this.#answers) || !ID.test(reply.slice(this.#answers.length))) {
      return logger.error("a command has no valid reply subject");
    }
    const connections = await local.execute(command);
    this.#answer(reply, { ...NO_CONNECTIONS, connections } satisfies UsersAnswer);
  }

  /** Collects answers until every live node has answered, or for 2 s. */
  #gather<A>(): Answers<A> {
    const awaited = this.#liveNodes();
    const answers: Answer<A>[] = [];
    const reply = this.#answers + this.#deps.ids.next();
    const { promise, resolve } = Promise.withResolvers<void>();
    const unsubscribe = this.#deps.bus.subscribe(reply, (text) => {
      const answer: Answer<A> = JSON.parse(text);
      answers.push(answer);
      awaited.delete(answer.node);
      if (awaited.size === 0) resolve();
    });
    const timer = this.#deps.clock.setTimer(ANSWER_TIMEOUT_MS, resolve);
    const all = promise.then(() => {
      timer.cancel();
      unsubscribe();
      return { answers, complete: awaited.size === 0 };
    });
    return { reply, all, stop: resolve };
  }

  /** Returns this node and every other with a heartbeat in the last three seconds. */
  #liveNodes(): Set<string> {
    const { clock, logger } = this.#deps;
    for (const [node, at] of this.#lastSeen) {
      if (clock.steady() - at < NODE_TIMEOUT_MS) continue;
      this.#lastSeen.delete(node);
      if (node !== this.node) logger.warn("node timed out", { node });
    }
    return new Set([this.node, ...this.#lastSeen.keys()]);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** The presence of a user on all nodes. */
function united(nodes: readonly Presence[]): Presence {
  const channels = new Set(nodes.flatMap((node) => node.channels));
  return {
    connections: sum(nodes.map(({ connections }) => connections)),
    channels: [...channels].sort(),
  };
}

/** The page of all nodes. */
function merged(pages: readonly ConnectedUsersPage[], limit: number): ConnectedUsersPage {
  // A node that has more says nothing about the names after its last.
  const ends = pages.flatMap(({ users, more }) => more ? users.at(-1)?.user ?? [] : []);
  const counts = new Map<string, number>();
  for (const { user, connections } of pages.flatMap(({ users }) => users)) {
    if (ends.some((end) => user > end)) continue;
    counts.set(user, (counts.get(user) ?? 0) + connections);
  }
  const names = [...counts.keys()].sort();
  return {
    users: names.slice(0, limit).map((user) => ({ user, connections: counts.get(user) ?? 0 })),
    more: ends.length > 0 || names.length > limit,
  };
}

/** The first of `list` that fit into one text of the bus, one at least. */
function fitting<T>(list: readonly T[]): readonly T[] {
  let length = 0;
  const end = list.findIndex((each) => (length += JSON.stringify(each).length) > MAX_LIST_LENGTH);
  return end < 0 ? list : list.slice(0, Math.max(1, end));
}
