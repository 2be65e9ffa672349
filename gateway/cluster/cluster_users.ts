/**
 * Executes commands and reports presence on all nodes of a deployment.
 *
 * A command is appended to the log, so that no node misses it: one that was disconnected executes it before the
 * messages that follow. The node that appended it waits up to 2 s for the live nodes to answer that they have
 * executed it.
 *
 * Presence is a request to all nodes over the bus; each answers for its own connections. Nodes send a heartbeat
 * every second, and one that is silent for three seconds no longer counts as live. A request that a live node
 * does not answer fails, so that a partial answer is never taken for a complete one.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type {
  Clock,
  CommandLog,
  IdGenerator,
  Logger,
  Presence,
  SharedCommand,
  Timer,
  UserCommand,
  Users,
} from "../ports.ts";
import { delay } from "../util.ts";
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

interface Answer extends Presence {
  readonly node: string;
}

interface Answers {
  /** The subject to answer to. */
  readonly reply: string;
  /** The merged answers; `complete` if every live node has answered. */
  readonly all: Promise<Presence & { readonly complete: boolean }>;
  /** Stops waiting. */
  stop(): void;
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
/** Time for the other nodes to answer the first heartbeat of a new one. */
const GREETING_MS = 250;

export class ClusterUsers implements Users {
  readonly #deps: ClusterUsersDeps;
  readonly #node: string;
  readonly #subscriptions: readonly (() => void)[];
  /** Steady time of each node's last heartbeat. */
  readonly #lastSeen = new Map<string, number>();
  #timer: Timer;

  private constructor(deps: ClusterUsersDeps) {
    const { ids, subject, bus, log } = deps;
    this.#deps = deps;
    this.#node = ids.next();
    this.#subscriptions = [
      bus.subscribe(`${subject}.nodes`, (text) => this.#receiveHeartbeat(JSON.parse(text))),
      bus.subscribe(`${subject}.users`, (text, reply) => {
        const { user }: { readonly user: string } = JSON.parse(text);
        if (reply !== undefined) void this.#answerPresence(user, reply);
      }),
      log.subscribeCommands((command) => void this.#receive(command)),
    ];
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
    const answers = this.#gather();
    try {
      await this.#deps.log.appendCommand({ ...command, reply: answers.reply });
    } catch (error) {
      answers.stop();
      throw error;
    }
    // It is stored: a node that has not answered executes it later.
    return (await answers.all).connections;
  }

  async presence(user: string): Promise<Presence> {
    const answers = this.#gather();
    this.#deps.bus.publish(`${this.#deps.subject}.users`, JSON.stringify({ user }), answers.reply);
    const { complete, ...presence } = await answers.all;
    if (complete) return presence;
    throw new OperationalError("log_unavailable", "not every gateway has answered; try again");
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
    bus.publish(`${subject}.nodes`, JSON.stringify({ node: this.#node, state }));
  }

  #receiveHeartbeat({ node, state }: Heartbeat): void {
    const { clock, logger } = this.#deps;
    if (state === "gone") {
      if (this.#lastSeen.delete(node)) logger.info("node left", { node });
      return;
    }
    if (!this.#lastSeen.has(node) && node !== this.#node) {
      logger.info("node joined", { node });
    }
    this.#lastSeen.set(node, clock.steady());
    if (state === "new" && node !== this.#node) this.#announce("here");
  }

  /** Prefix of the subjects of replies. */
  get #answers(): string {
    return `${this.#deps.subject}.answers.`;
  }

  #answer(presence: Presence): string {
    return JSON.stringify({ node: this.#node, ...presence } satisfies Answer);
  }

  async #answerPresence(user: string, reply: string): Promise<void> {
    const { local, bus } = this.#deps;
    bus.publish(reply, this.#answer(await local.presence(user)));
  }

  async #receive({ reply, ...command }: SharedCommand): Promise<void> {
    const { local, bus, logger } = this.#deps;
    // Otherwise a writer to the stream could make the nodes publish to any subject.
    if (!reply.startsWith(this.#answers) || !ID.test(reply.slice(this.#answers.length))) {
      return logger.error("a command has no valid reply subject");
    }
    const connections = await local.execute(command);
    bus.publish(reply, this.#answer({ ...NO_CONNECTIONS, connections }));
  }

  /** Collects answers until every live node has answered, or for 2 s. */
  #gather(): Answers {
    const awaited = this.#liveNodes();
    const channels = new Set<string>();
    let connections = 0;
    const reply = this.#answers + this.#deps.ids.next();
    const { promise, resolve } = Promise.withResolvers<void>();
    const unsubscribe = this.#deps.bus.subscribe(reply, (text) => {
      const answer: Answer = JSON.parse(text);
      connections += answer.connections;
      for (const channel of answer.channels) channels.add(channel);
      awaited.delete(answer.node);
      if (awaited.size === 0) resolve();
    });
    const timer = this.#deps.clock.setTimer(ANSWER_TIMEOUT_MS, resolve);
    const all = promise.then(() => {
      timer.cancel();
      unsubscribe();
      return { connections, channels: [...channels].sort(), complete: awaited.size === 0 };
    });
    return { reply, all, stop: resolve };
  }

  /** Returns this node and every other with a heartbeat in the last three seconds. */
  #liveNodes(): Set<string> {
    const { clock, logger } = this.#deps;
    for (const [node, at] of this.#lastSeen) {
      if (clock.steady() - at < NODE_TIMEOUT_MS) continue;
      this.#lastSeen.delete(node);
      if (node !== this.#node) logger.warn("node timed out", { node });
    }
    return new Set([this.#node, ...this.#lastSeen.keys()]);
  }
}
