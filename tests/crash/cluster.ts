/**
 * The crash harness for three gateways and one NATS: clients and publishers are spread over all gateways
 * and go to the next one when theirs fails, while gateways are killed or NATS is killed; or they are behind
 * a load balancer while gateways are restarted one after the other, and it is measured how long they are
 * away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess } from "../conformance/support/process.ts";
import { pause } from "../conformance/support/wait.ts";
import { leaderOf } from "../nats/support/leader.ts";
import { NatsServer, startCluster } from "../nats/support/server.ts";
import { type Absences, Balancer } from "./balancer.ts";
import {
  type Client,
  type Deployment,
  Traffic,
  type TrafficOptions,
  type TrafficReport,
} from "./traffic.ts";

/** What is done to the deployment, again and again. */
export type Mischief =
  | "kill gateways"
  | "restart gateways"
  | "kill NATS"
  /** Of a cluster of three with three replicas, the one that leads the stream. */
  | "kill NATS leaders";

/** What to do. */
export interface ClusterOptions extends TrafficOptions {
  /** What is done. */
  readonly mischief: Mischief;
  /** How many times. */
  readonly times: number;
}

/** What came of it. */
export interface ClusterReport extends TrafficReport {
  /** How long clients were away, if gateways were restarted. */
  readonly absences: Absences | undefined;
}

const GATEWAYS = 3;
/** How long anything may be tried again before the run is a failure. */
const PATIENCE_MS = 60_000;
/** With which a gateway that is restarted closes its clients. */
const SERVICE_RESTART = 1012;

/** Does the run. */
export async function crashCluster(options: ClusterOptions): Promise<ClusterReport> {
  const nats = options.mischief === "kill NATS leaders"
    ? await startCluster(3)
    : [await NatsServer.start()];
  try {
    const balancer = options.mischief === "restart gateways" ? new Balancer() : undefined;
    return await new ClusterRun(nats, balancer).go(options);
  } finally {
    for (const server of nats) await server[Symbol.asyncDispose]();
  }
}

class ClusterRun implements Deployment {
  readonly #nats: readonly NatsServer[];
  readonly #balancer: Balancer | undefined;
  readonly #gateways: Promise<GatewayProcess>[];
  readonly #traffic = new Traffic(this);

  constructor(nats: readonly NatsServer[], balancer: Balancer | undefined) {
    this.#nats = nats;
    this.#balancer = balancer;
    this.#gateways = Array.from({ length: GATEWAYS }, () => this.#start());
  }

  async go(options: ClusterOptions): Promise<ClusterReport> {
    try {
      for (const gateway of await Promise.all(this.#gateways)) await this.#balancer?.add(gateway);
      const report = await this.#traffic.go(options, () => this.#disturb(options));
      return { ...report, absences: this.#balancer?.absences };
    } finally {
      for (const gateway of await Promise.all(this.#gateways)) await gateway[Symbol.asyncDispose]();
    }
  }

  get #urls(): readonly string[] {
    return this.#nats.map(({ url }) => url);
  }

  async #start(): Promise<GatewayProcess> {
    return await GatewayProcess.start({
      settings: {
        GATEWAY_LOG_LEVEL: "info",
        GATEWAY_DRAIN_MS: "200",
        GATEWAY_NATS_URL: this.#urls.join(),
        GATEWAY_NATS_REPLICAS: String(this.#nats.length),
      },
    });
  }

  async #disturb(options: ClusterOptions): Promise<void> {
    const { times, mischief, longestLifeMs } = options;
    while (this.#traffic.counts.kills < times) {
      await pause(Math.random() * longestLifeMs);
      switch (mischief) {
        case "kill gateways":
          await this.#replace(Math.floor(Math.random() * GATEWAYS), "SIGKILL");
          break;
        case "restart gateways":
          await this.#replace(this.#traffic.counts.kills % GATEWAYS, "SIGTERM");
          break;
        case "kill NATS":
        case "kill NATS leaders": {
          const index = this.#nats.length === 1 ? 0 : await leaderOf("emagine", this.#urls);
          const server = this.#nats[index];
          assert.ok(server);
          await server.stop("SIGKILL");
          await pause(Math.random() * longestLifeMs);
          await server.start();
        }
      }
      this.#traffic.disturbed(options);
    }
  }

  async #replace(index: number, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const gateway = await this.#gateway(index);
    await this.#balancer?.remove(gateway);
    await gateway.end(signal);
    const next = this.#start();
    this.#gateways[index] = next;
    await this.#balancer?.add(await next);
    await next;
  }

  /** The gateway number `index`, counted round and round. */
  #gateway(index: number): Promise<GatewayProcess> {
    const gateway = this.#gateways[index % GATEWAYS];
    assert.ok(gateway);
    return gateway;
  }

  async follow(who: number, client: Client): Promise<void> {
    if (this.#balancer !== undefined) return await readBalanced(this.#balancer, client);
    await this.retry(who, async (gateway) => {
      using peer = await client.enter(gateway);
      await client.read(peer);
    }, () => {});
  }

  /** Does `work` with one gateway after the other until it succeeds; begins with number `first`. */
  async retry<T>(
    first: number,
    work: (gateway: GatewayProcess) => Promise<T>,
    retried: () => void,
  ): Promise<T> {
    let since = performance.now();
    for (let index = first;; index++) {
      const gateway = await this.#gateway(index);
      const begun = performance.now();
      try {
        return await work(gateway);
      } catch (error) {
        // What worked for a while and then broke begins to be patient anew.
        if (performance.now() - begun > 1000) since = performance.now();
        if (performance.now() - since > PATIENCE_MS) throw error;
        retried();
      }
      await pause(20);
    }
  }
}

/** Reads to the end behind a load balancer: a connection ends with a restart of its node, and only so. */
async function readBalanced(balancer: Balancer, { enter, read }: Client): Promise<void> {
  let next = await balancer.connect(enter);
  for (;;) {
    using peer = next;
    const closed = peer.closed.then((close) => ({ code: close?.code, at: performance.now() }));
    try {
      return await read(peer);
    } catch (error) {
      peer[Symbol.dispose]();
      const { code, at } = await closed;
      assert.equal(code, SERVICE_RESTART, String(error));
      next = await balancer.reconnect(at, enter);
    }
  }
}
