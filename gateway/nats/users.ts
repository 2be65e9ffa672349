/**
 * The connections of users, on every node: a question goes to all nodes through NATS, each answers for
 * the connections that it has, and the asker puts the answers together.
 *
 * Nodes tell each other every second that they are there. A question is answered when all have answered
 * who are there; one that is silent for three seconds is no longer counted. Until then a question that it
 * leaves open fails, so that nobody takes a part for the whole. All questions may be asked again.
 *
 * @module
 */

import type { NatsConnection, Subscription } from "@nats-io/transport-node";
import { OperationalError } from "../errors.ts";
import type { Clock, Ids, Logger, Timer } from "../ports.ts";
import { type Nats, unwrap } from "./connection.ts";

/** Where one user is. */
export interface UserPresence {
  /** How many connections are ready. */
  readonly connections: number;
  /** The channels that they are in, without repetitions. */
  readonly channels: readonly string[];
}

/** The connections that this process has. */
export interface LocalUsers {
  /** Lets the connections of `user` receive `channel`. */
  join(user: string, channel: string): void;
  /** Undoes it. */
  leave(user: string, channel: string): void;
  /** Closes the connections of `user`; returns how many there were. */
  disconnect(user: string): number;
  /** Where `user` is. */
  presence(user: string): UserPresence;
}

/** What the connections of all nodes need. */
export interface NatsUsersOptions {
  /** Made by `connectNats`; whoever made it closes it. */
  readonly nats: Nats;
  /** The connections here. */
  readonly local: LocalUsers;
  /** For beats and deadlines. */
  readonly clock: Clock;
  /** Names this node. */
  readonly ids: Ids;
  /** Hears of nodes that come and go. */
  readonly logger: Logger;
  /** What the subjects begin with; the same for all nodes, and not under the stream's. */
  readonly subject: string;
}

type Question =
  | { readonly do: "join" | "leave"; readonly user: string; readonly channel: string }
  | { readonly do: "disconnect" | "presence"; readonly user: string };

interface Answer extends UserPresence {
  readonly node: string;
}

interface Beat {
  readonly node: string;
  readonly state: "new" | "here" | "gone";
}

const BEAT_MS = 1000;
const SILENCE_MS = 3000;
const ANSWER_MS = 2000;
/** In which the other nodes tell a new one that they are there. */
const GREETING_MS = 250;

/** The connections of all nodes. */
export class NatsUsers {
  readonly #options: NatsUsersOptions;
  readonly #nats: NatsConnection;
  readonly #node: string;
  readonly #subscriptions: readonly Subscription[];
  /** When each node was heard last, in steady time. */
  readonly #heard = new Map<string, number>();
  #timer: Timer;

  private constructor(options: NatsUsersOptions) {
    const { ids, subject } = options;
    const nats = this.#nats = unwrap(options.nats);
    this.#options = options;
    this.#node = ids.next();
    this.#subscriptions = [
      nats.subscribe(`${subject}.nodes`, { callback: (_, message) => this.#hear(message.json()) }),
      nats.subscribe(`${subject}.users`, {
        callback: (_, message) => {
          message.respond(JSON.stringify(this.#answer(message.json())));
        },
      }),
    ];
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
    await this.#ask({ do: "join", user, channel });
  }

  /** Undoes `join`, and what the token said of this channel. */
  async leave(user: string, channel: string): Promise<void> {
    await this.#ask({ do: "leave", user, channel });
  }

  /** Closes every connection of `user` with 4010; returns how many there were. */
  async disconnect(user: string): Promise<number> {
    return (await this.#ask({ do: "disconnect", user })).connections;
  }

  /** How many connections of `user` are ready, and in which channels they are. */
  async presence(user: string): Promise<UserPresence> {
    return await this.#ask({ do: "presence", user });
  }

  /** Answers no longer, and tells the others so. */
  close(): void {
    this.#timer.cancel();
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
      if (this.#heard.delete(node)) logger.info("another gateway is gone", { node });
      return;
    }
    if (!this.#heard.has(node) && node !== this.#node) {
      logger.info("another gateway is here", { node });
    }
    this.#heard.set(node, clock.steady());
    if (state === "new" && node !== this.#node) this.#tell("here");
  }

  #answer(question: Question): Answer {
    const { local } = this.#options;
    const node = this.#node;
    const { user } = question;
    switch (question.do) {
      case "join":
        local.join(user, question.channel);
        return { node, connections: 0, channels: [] };
      case "leave":
        local.leave(user, question.channel);
        return { node, connections: 0, channels: [] };
      case "disconnect":
        return { node, connections: local.disconnect(user), channels: [] };
      case "presence":
        return { node, ...local.presence(user) };
    }
  }

  /** Asks every node; the answers as one. */
  async #ask(question: Question): Promise<UserPresence> {
    const awaited = this.#nodes();
    const channels = new Set<string>();
    let connections = 0;
    await this.#gather(question, (answer) => {
      connections += answer.connections;
      for (const channel of answer.channels) channels.add(channel);
      awaited.delete(answer.node);
      return awaited.size === 0;
    });
    return { connections, channels: [...channels].sort() };
  }

  /** Hands answers to `take` until it says that it has all. */
  async #gather(question: Question, take: (answer: Answer) => boolean): Promise<void> {
    const { clock, subject } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const reply = `${subject}.answers.${this.#options.ids.next()}`;
    const subscription = this.#nats.subscribe(reply, {
      callback: (_, message) => {
        if (take(message.json())) resolve();
      },
    });
    const timer = clock.setTimer(ANSWER_MS, () => {
      reject(new OperationalError("log_unavailable", "not every gateway has answered; try again"));
    });
    try {
      this.#nats.publish(`${subject}.users`, JSON.stringify(question), { reply });
      await promise;
    } finally {
      timer.cancel();
      subscription.unsubscribe();
    }
  }

  /** This node, and every other that was heard of lately. */
  #nodes(): Set<string> {
    const { clock, logger } = this.#options;
    for (const [node, at] of this.#heard) {
      if (clock.steady() - at < SILENCE_MS) continue;
      this.#heard.delete(node);
      if (node !== this.#node) logger.warn("another gateway is silent", { node });
    }
    return new Set([this.#node, ...this.#heard.keys()]);
  }
}
