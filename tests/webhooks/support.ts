/**
 * Webhooks on a fake clock, and a receiver that answers as a test says.
 *
 * @module
 */

import { Metrics } from "../../gateway/metrics/metrics.ts";
import type { Nodes } from "../../gateway/ports.ts";
import { type Post, Webhooks } from "../../gateway/webhooks/mod.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

export const SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfgh+XpFlU=";
export const DEBOUNCE_MS = 1000;

/** One request, as the receiver has it. */
export interface Received {
  readonly url: string;
  readonly init: Parameters<Post>[1];
  /** Steady time. */
  readonly atMs: number;
}

/** An event without its timestamp. */
export interface Told {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Answers a request; `signal` aborts it. */
export type Answer = (signal: AbortSignal) => Promise<Response>;

export function status(code: number): Answer {
  return () => Promise.resolve(new Response(null, { status: code }));
}

export function refused(): Promise<Response> {
  return Promise.reject(new TypeError("connection refused"));
}

/** Never answers; rejects when it is aborted, as the global `fetch` does. */
export function hanging(signal: AbortSignal): Promise<Response> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

export interface WorldOptions {
  readonly url?: string;
  readonly debounceMs?: number;
  readonly clock?: FakeClock;
  /** The other nodes, if there are any. */
  readonly nodes?: Nodes;
}

export class World {
  readonly clock: FakeClock;
  readonly logger = new FakeLogger();
  readonly metrics = new Metrics({ version: "0", runtime: "test", residentBytes: () => 0 });
  readonly received: Received[] = [];
  readonly webhooks: Webhooks;
  readonly #connections = new Map<string, number>();
  readonly #nodes: Nodes | undefined;
  /** How the next requests are answered. */
  answer: Answer = status(204);

  constructor(
    {
      url = "https://app.example.com/hooks",
      debounceMs = DEBOUNCE_MS,
      clock = new FakeClock(),
      nodes,
    }: WorldOptions = {},
  ) {
    const { logger, metrics } = this;
    this.clock = clock;
    this.#nodes = nodes;
    this.webhooks = new Webhooks({ url: new URL(url), secret: SECRET, debounceMs }, {
      ...{ clock, logger, metrics, ids: new FakeIds(), random: () => 0.5 },
      post: (url, init) => {
        this.received.push({ url, init, atMs: clock.steady() });
        return this.answer(init.signal);
      },
    });
  }

  /** A world whose receiver has taken the start of the gateway. */
  static async started(options?: WorldOptions): Promise<World> {
    const world = new World(options);
    world.start();
    await world.clock.advance(0);
    world.received.length = 0;
    return world;
  }

  start(): void {
    this.webhooks.join({
      connectionsOf: (user) => this.#connections.get(user) ?? 0,
      connectedUsers: {
        [Symbol.iterator]: () =>
          this.#connections.entries().filter(([, n]) => n > 0).map(([u]) => u),
      },
    }, this.#nodes);
    this.webhooks.start();
  }

  /** `user` has this many ready connections from here on. */
  connections(user: string, count: number): void {
    const before = this.#connections.get(user) ?? 0;
    this.#connections.set(user, count);
    if ((before > 0) !== (count > 0)) this.webhooks.userChanged(user, count > 0);
  }

  online(...users: readonly string[]): void {
    for (const user of users) this.connections(user, 1);
  }

  offline(...users: readonly string[]): void {
    for (const user of users) this.connections(user, 0);
  }

  /** The events so far, in the order of their attempts. */
  get told(): readonly Told[] {
    return this.received.map(({ init }) => {
      const { type, data }: Told = JSON.parse(init.body);
      return { type, data };
    });
  }

  /** The same in words, such as `alice online`. */
  get words(): readonly string[] {
    return this.told.map(({ type, data }) => {
      return type === "gateway.started" ? "started" : `${data["user"]} ${type.slice(5)}`;
    });
  }
}
