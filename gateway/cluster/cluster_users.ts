/**
 * The connections of users, on every node.
 *
 * A command is written into the log, so that no node can miss it: one that was cut off comes to it before
 * the messages that follow. The node that wrote it waits up to 2 s until the nodes that are there answer
 * that they have executed it.
 *
 * Who is where is a question to all nodes over the bus; each answers for the connections that it has, and
 * the asker puts the answers together. Nodes tell each other every second that they are there, and one
 * that is silent for three seconds is no longer counted. Until then a question that it leaves open fails,
 * so that nobody takes a part for the whole.
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
import type { Bus } from "./bus.ts";

/** What the users of many nodes need. */
export interface ClusterUsersDeps {
  /** Connects the nodes. */
  readonly bus: Bus;
  /** The connections of this node. */
  readonly local: Users;
  /** The log of the same nodes. */
  readonly log: CommandLog;
  /** For beats and deadlines. */
  readonly clock: Clock;
  /** Names this node. */
  readonly ids: IdGenerator;
  /** Hears of nodes that come and go. */
  readonly logger: Logger;
  /** The first part of the subjects; the same for all nodes, and not under the stream's. */
  readonly subject: string;
}

interface Answer extends Presence {
  readonly node: string;
}

/** The answers of all nodes, as they come. */
interface Answers {
  /** The subject that they come to. */
  readonly reply: string;
  /** All of them together, and whether every node is among them that was there. */
  readonly all: Promise<Presence & { readonly complete: boolean }>;
  /** Waits no longer. */
  stop(): void;
}

interface Beat {
  readonly node: string;
  readonly state: "new" | "here" | "gone";
}

const BEAT_MS = 1000;
const SILENCE_MS = 3000;
const ANSWER_MS = 2000;
/** What `IdGenerator` gives. */
const ID = /^[0-9a-z]{1,40}$/;
const NOBODY: Presence = { connections: 0, channels: [] };
/** In which the other nodes tell a new one that they are there. */
const GREETING_MS = 250;

/** The connections of all nodes. */
export class ClusterUsers implements Users {
  readonly #deps: ClusterUsersDeps;
  readonly #node: string;
  readonly #subscriptions: readonly (() => void)[];
  /** When each node was heard last, in steady time. */
  readonly #heard = new Map<string, number>();
  #timer: Timer;

  private constructor(deps: ClusterUsersDeps) {
    const { ids, subject, bus, log } = deps;
    this.#deps = deps;
    this.#node = ids.next();
    this.#subscriptions = [
      bus.subscribe(`${subject}.nodes`, (text) => this.#hear(JSON.parse(text))),
      bus.subscribe(`${subject}.users`, (text, reply) => {
        const { user }: { readonly user: string } = JSON.parse(text);
        if (reply !== undefined) void this.#answerPresence(user, reply);
      }),
      log.subscribeCommands((command) => void this.#receive(command)),
    ];
    this.#timer = this.#beat("new");
  }

  /** Begins to answer for the connections here, and gets to know the other nodes. */
  static async start(deps: ClusterUsersDeps): Promise<ClusterUsers> {
    const users = new ClusterUsers(deps);
    await new Promise<void>((resolve) => deps.clock.setTimer(GREETING_MS, resolve));
    return users;
  }

  /** Stores `command`, and waits until the nodes have executed it, or 2 s; counts what they closed by then. */
  async execute(command: UserCommand): Promise<number> {
    const answers = this.#gather();
    try {
      await this.#deps.log.appendCommand({ ...command, reply: answers.reply });
    } catch (error) {
      answers.stop();
      throw error;
    }
    // It is stored: a node that has not answered comes to it when it can, and misses nothing.
    return (await answers.all).connections;
  }

  /**
   * How many connections of `user` are ready, and in which channels they are.
   *
   * @throws {OperationalError} `log_unavailable` when a node that is there does not answer
   */
  async presence(user: string): Promise<Presence> {
    const answers = this.#gather();
    this.#deps.bus.publish(`${this.#deps.subject}.users`, JSON.stringify({ user }), answers.reply);
    const { complete, ...presence } = await answers.all;
    if (complete) return presence;
    throw new OperationalError("log_unavailable", "not every gateway has answered; try again");
  }

  /** Answers no longer, and tells the others so. */
  close(): void {
    this.#timer.cancel();
    this.#tell("gone");
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }

  #beat(state: Beat["state"]): Timer {
    this.#tell(state);
    return this.#deps.clock.setTimer(BEAT_MS, () => {
      this.#timer = this.#beat("here");
    });
  }

  #tell(state: Beat["state"]): void {
    const { bus, subject } = this.#deps;
    bus.publish(`${subject}.nodes`, JSON.stringify({ node: this.#node, state }));
  }

  #hear({ node, state }: Beat): void {
    const { clock, logger } = this.#deps;
    if (state === "gone") {
      if (this.#heard.delete(node)) logger.info("node left", { node });
      return;
    }
    if (!this.#heard.has(node) && node !== this.#node) {
      logger.info("node joined", { node });
    }
    this.#heard.set(node, clock.steady());
    if (state === "new" && node !== this.#node) this.#tell("here");
  }

  /** What the subjects begin with that answers go to. */
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
    // Anybody who may write to the stream could have nodes answer to any subject.
    if (!reply.startsWith(this.#answers) || !ID.test(reply.slice(this.#answers.length))) {
      return logger.error("a command has no valid reply subject");
    }
    const connections = await local.execute(command);
    bus.publish(reply, this.#answer({ ...NOBODY, connections }));
  }

  /** Collects what every node says to `reply`, until all have that are there, or it has taken too long. */
  #gather(): Answers {
    const awaited = this.#nodes();
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
    const timer = this.#deps.clock.setTimer(ANSWER_MS, resolve);
    const all = promise.then(() => {
      timer.cancel();
      unsubscribe();
      return { connections, channels: [...channels].sort(), complete: awaited.size === 0 };
    });
    return { reply, all, stop: resolve };
  }

  /** This node, and every other that was heard of lately. */
  #nodes(): Set<string> {
    const { clock, logger } = this.#deps;
    for (const [node, at] of this.#heard) {
      if (clock.steady() - at < SILENCE_MS) continue;
      this.#heard.delete(node);
      if (node !== this.#node) logger.warn("node timed out", { node });
    }
    return new Set([this.#node, ...this.#heard.keys()]);
  }
}
