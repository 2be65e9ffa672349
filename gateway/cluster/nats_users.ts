/**
 * The connections of users, on every node.
 *
 * What changes who may see what (join, leave, disconnect) is a command in the log, so that no node can
 * miss it: one that was cut off comes to it before the messages that follow. Whoever gave the command
 * waits a while until the nodes that are there say that they have come to it.
 *
 * Who is where is a question to all nodes through NATS; each answers for the connections that it has, and
 * the asker puts the answers together. Nodes tell each other every second that they are there, and one
 * that is silent for three seconds is no longer counted. Until then a question that it leaves open fails,
 * so that nobody takes a part for the whole.
 *
 * @module
 */

import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import { OperationalError } from "../errors.ts";
import type {
  Clock,
  CommandLog,
  IdGenerator,
  Json,
  Logger,
  Presence,
  Timer,
  UserCommand,
} from "../ports.ts";
import { isName } from "../protocol/names.ts";

/** The connections that this process has. */
export interface LocalUsers {
  /**
   * Carries a command out, between what the log has handed over and what it hands over next. Then tells
   * `done` how many connections it closed.
   */
  command(command: UserCommand, done: (disconnected: number) => void): void;
  /** Where `user` is. */
  presence(user: string): Presence;
}

/** What the connections of all nodes need. */
export interface NatsUsersOptions {
  /** Made by `connectNats`; whoever made it closes it. */
  readonly nats: NatsConnection;
  /** The connections here. */
  readonly local: LocalUsers;
  /** Where commands are kept; the log of the same nodes. */
  readonly log: CommandLog;
  /** For beats and deadlines. */
  readonly clock: Clock;
  /** Names this node. */
  readonly ids: IdGenerator;
  /** Hears of nodes that come and go. */
  readonly logger: Logger;
  /** What the subjects begin with; the same for all nodes, and not under the stream's. */
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
export class NatsUsers {
  readonly #options: NatsUsersOptions;
  readonly #nats: NatsConnection;
  readonly #node: string;
  readonly #subscriptions: readonly Subscription[];
  readonly #unsubscribe: () => void;
  /** When each node was heard last, in steady time. */
  readonly #heard = new Map<string, number>();
  #timer: Timer;

  private constructor(options: NatsUsersOptions) {
    const { ids, subject } = options;
    const nats = this.#nats = options.nats;
    this.#options = options;
    this.#node = ids.next();
    this.#subscriptions = [
      nats.subscribe(`${subject}.nodes`, { callback: (_, message) => this.#hear(message.json()) }),
      nats.subscribe(`${subject}.users`, {
        callback: (_, message) => {
          const { user } = message.json<{ readonly user: string }>();
          message.respond(this.#answer(options.local.presence(user)));
        },
      }),
    ];
    this.#unsubscribe = options.log.subscribeCommands((command) => this.#receive(command));
    this.#timer = this.#beat("new");
  }

  /** Begins to answer for the connections here, and gets to know the other nodes. */
  static async start(options: NatsUsersOptions): Promise<NatsUsers> {
    const users = new NatsUsers(options);
    await new Promise<void>((resolve) => options.clock.setTimer(GREETING_MS, resolve));
    return users;
  }

  /** Lets every open connection of `user` receive `channel`. */
  async join(user: string, channel: string): Promise<void> {
    await this.#command({ do: "join", user, channel });
  }

  /** Undoes `join`, and what the token said of this channel. */
  async leave(user: string, channel: string): Promise<void> {
    await this.#command({ do: "leave", user, channel });
  }

  /** Closes every connection of `user` with 4010; returns how many the nodes have told of in time. */
  async disconnect(user: string): Promise<number> {
    return (await this.#command({ do: "disconnect", user })).connections;
  }

  /**
   * How many connections of `user` are ready, and in which channels they are.
   *
   * @throws {OperationalError} `log_unavailable` when a node that is there does not answer
   */
  async presence(user: string): Promise<Presence> {
    const answers = this.#gather();
    this.#nats.publish(`${this.#options.subject}.users`, JSON.stringify({ user }), answers);
    const { complete, ...presence } = await answers.all;
    if (complete) return presence;
    throw new OperationalError("log_unavailable", "not every gateway has answered; try again");
  }

  /** Answers no longer, and tells the others so. */
  close(): void {
    this.#timer.cancel();
    this.#unsubscribe();
    this.#tell("gone");
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #beat(state: Beat["state"]): Timer {
    this.#tell(state);
    return this.#options.clock.setTimer(BEAT_MS, () => {
      this.#timer = this.#beat("here");
    });
  }

  #tell(state: Beat["state"]): void {
    const { subject } = this.#options;
    if (!this.#nats.isClosed()) {
      this.#nats.publish(`${subject}.nodes`, JSON.stringify({ node: this.#node, state }));
    }
  }

  #hear({ node, state }: Beat): void {
    const { clock, logger } = this.#options;
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
    return `${this.#options.subject}.answers.`;
  }

  #answer(presence: Presence): string {
    return JSON.stringify({ node: this.#node, ...presence } satisfies Answer);
  }

  /** Keeps `command`; what the nodes have answered that came to it in time. */
  async #command(command: UserCommand): Promise<Presence> {
    const answers = this.#gather();
    try {
      await this.#options.log.appendCommand({ ...command, reply: answers.reply });
    } catch (error) {
      answers.stop();
      throw error;
    }
    // It is kept: a node that has not answered comes to it when it can, and misses nothing.
    const { connections, channels } = await answers.all;
    return { connections, channels };
  }

  #receive(json: Json): void {
    const read = readCommand(json, this.#answers);
    if (read === undefined) return this.#options.logger.error("a command cannot be read");
    this.#options.local.command(read.command, (connections) => {
      if (this.#nats.isClosed()) return;
      this.#nats.publish(read.reply, this.#answer({ ...NOBODY, connections }));
    });
  }

  /** Collects what every node says to `reply`, until all have that are there, or it has taken too long. */
  #gather(): Answers {
    const awaited = this.#nodes();
    const channels = new Set<string>();
    let connections = 0;
    const reply = this.#answers + this.#options.ids.next();
    const { promise, resolve } = Promise.withResolvers<void>();
    const subscription = this.#nats.subscribe(reply, {
      callback: (_, message) => {
        const answer = message.json<Answer>();
        connections += answer.connections;
        for (const channel of answer.channels) channels.add(channel);
        awaited.delete(answer.node);
        if (awaited.size === 0) resolve();
      },
    });
    const timer = this.#options.clock.setTimer(ANSWER_MS, resolve);
    const all = promise.then(() => {
      timer.cancel();
      subscription.unsubscribe();
      return { connections, channels: [...channels].sort(), complete: awaited.size === 0 };
    });
    return { reply, all, stop: resolve };
  }

  /** This node, and every other that was heard of lately. */
  #nodes(): Set<string> {
    const { clock, logger } = this.#options;
    for (const [node, at] of this.#heard) {
      if (clock.steady() - at < SILENCE_MS) continue;
      this.#heard.delete(node);
      if (node !== this.#node) logger.warn("node timed out", { node });
    }
    return new Set([this.#node, ...this.#heard.keys()]);
  }
}

/** What `#command` wrote; nothing else is taken, whoever wrote it, nor answered to another subject. */
function readCommand(
  json: Json,
  answers: string,
): { readonly command: UserCommand; readonly reply: string } | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const { do: what, user, channel, reply } = json as Readonly<Record<string, Json>>;
  if (!isName(user) || typeof reply !== "string") return undefined;
  if (!reply.startsWith(answers) || !ID.test(reply.slice(answers.length))) return undefined;
  if (what === "disconnect") return { command: { do: what, user }, reply };
  if ((what !== "join" && what !== "leave") || !isName(channel)) return undefined;
  return { command: { do: what, user, channel }, reply };
}
