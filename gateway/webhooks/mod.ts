/**
 * Tells the backend by webhook when users come and go (docs/http.md, "Webhooks").
 *
 * `queue.ts` decides who is told and when, `sender.ts` makes the request, `event.ts` has the events.
 *
 * @module
 */

import type { Metrics } from "../metrics/metrics.ts";
import type { Clock, IdGenerator, Logger, Nodes, Users } from "../ports.ts";
import { type LocalConnections, WebhookQueue } from "./queue.ts";
import { type Post, WebhookSender } from "./sender.ts";

export type { Post };

export interface WebhookOptions {
  readonly url: URL;
  /** `whsec_` and the key in Base64. */
  readonly secret: string;
  /** Time for which a state must last to be told. */
  readonly debounceMs: number;
}

export interface WebhookDeps {
  readonly clock: Clock;
  /** Generates the ids of events and the name of this gateway. */
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Returns a number from 0 to 1, 1 excluded. */
  readonly random: () => number;
  /** The global `fetch` in production. */
  readonly post: Post;
}

export class Webhooks {
  readonly #deps: WebhookDeps;
  readonly #queue: WebhookQueue;
  readonly #sender: WebhookSender;

  constructor(options: WebhookOptions, deps: WebhookDeps) {
    this.#deps = deps;
    this.#sender = new WebhookSender(options, deps);
    this.#queue = new WebhookQueue(options, {
      ...deps,
      send: (event) => this.#sender.send(event),
    });
    deps.metrics.watchWebhooks(this.#queue);
  }

  /** Number of users that wait to be told of. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** The first connection of `user` is ready, or the last one is gone. */
  userChanged(user: string, online: boolean): void {
    this.#queue.changed(user, online);
  }

  /** The backend is asking for `users`. */
  asked(users: readonly string[]): void {
    for (const user of users) this.#queue.asked(user);
  }

  /** Returns `users` for the backend to ask; notes about which users it asks. */
  observing(users: Users): Users {
    return {
      execute: (command) => users.execute(command),
      presence: (names) => {
        this.asked(names);
        return users.presence(names);
      },
      inspect: (user) => {
        this.asked([user]);
        return users.inspect(user);
      },
      channelPresence: (channel) => users.channelPresence(channel),
      channelUsers: (query) => users.channelUsers(query),
    };
  }

  /** Counts the connections of this node from here on, and those of `nodes` if there are others. */
  join(local: LocalConnections, nodes: Nodes = alone(this.#deps.ids.next())): void {
    this.#queue.join(nodes, local);
  }

  /** Begins, with the start of the gateway. Call it when the backend can ask. */
  start(): void {
    this.#queue.start();
  }

  /** Sends what waits for up to `ms`, and ends. */
  async close(ms: number): Promise<void> {
    await this.#queue.close(ms);
    this.#sender.stop();
  }
}

/** A deployment of one node. */
function alone(node: string): Nodes {
  return { node, listen: () => {}, statesOf: () => Promise.resolve([]), settled: () => {} };
}
