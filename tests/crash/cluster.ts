/**
 * The crash harness for three gateways on one NATS. Gateways or NATS are killed, and clients and publishers use
 * the next gateway when theirs fails; or gateways are restarted one after the other, and clients behind a load
 * balancer measure how long they are away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { AUDIENCE, ISSUER, Issuer } from "../conformance/support/issuer.ts";
import { GatewayProcess, type Settings } from "../conformance/support/process.ts";
import { pause } from "../conformance/support/wait.ts";
import { leaderOf } from "../nats/support/leader.ts";
import { NatsServer, startCluster } from "../nats/support/server.ts";
import { type Absences, Balancer } from "./balancer.ts";
import { type Route, TurningRoute } from "./route.ts";
import { type Deployment, Traffic, type TrafficOptions, type TrafficReport } from "./traffic.ts";

export type Disturbance =
  | "kill gateways"
  | "restart gateways"
  | "kill NATS"
  /** In a cluster of three with three replicas, the leader of the stream. */
  | "kill NATS leaders";

export interface ClusterOptions extends TrafficOptions {
  readonly disturbance: Disturbance;
  /** The number of disturbances. */
  readonly times: number;
}

export interface ClusterReport extends TrafficReport {
  /** The absences of clients, if gateways were restarted. */
  readonly absences: Absences | undefined;
}

const GATEWAYS = 3;
/** The limit for retries, after which the run fails. */
const PATIENCE_MS = 60_000;
/** The settings of gateways that trust an issuer. */
const PUBLISH_KEY = "a-key-for-all-nodes";

export async function crashCluster(options: ClusterOptions): Promise<ClusterReport> {
  const nats = options.disturbance === "kill NATS leaders"
    ? await startCluster(3)
    : [await NatsServer.start()];
  const issuer = options.disturbance === "restart gateways"
    ? await Issuer.start("EdDSA")
    : undefined;
  try {
    return await new ClusterRun(nats, issuer).go(options);
  } finally {
    await issuer?.[Symbol.asyncDispose]();
    for (const server of nats) await server[Symbol.asyncDispose]();
  }
}

class ClusterRun implements Deployment {
  readonly #nats: readonly NatsServer[];
  readonly #trust: Settings;
  readonly #balancer: Balancer | undefined;
  readonly #gateways: Promise<GatewayProcess>[];
  /** The last process of each gateway that listened. */
  readonly #latest: GatewayProcess[] = [];
  readonly #traffic = new Traffic(this);

  /** With an issuer, a balancer is before the gateways, and clients have the issuer's tokens. */
  constructor(nats: readonly NatsServer[], issuer: Issuer | undefined) {
    this.#nats = nats;
    this.#trust = issuer === undefined ? {} : {
      GATEWAY_JWKS_URL: issuer.jwksUrl,
      GATEWAY_JWT_ISSUER: ISSUER,
      GATEWAY_JWT_AUDIENCE: AUDIENCE,
      GATEWAY_PUBLISH_KEY: PUBLISH_KEY,
    };
    this.#balancer = issuer && new Balancer(issuer);
    this.#gateways = Array.from({ length: GATEWAYS }, (_, index) => this.#start(index));
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

  async #start(index: number): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.start({
      settings: {
        ...this.#trust,
        GATEWAY_LOG_LEVEL: "info",
        GATEWAY_DRAIN_MS: "200",
        GATEWAY_NATS_URL: this.#urls.join(),
        GATEWAY_NATS_REPLICAS: String(this.#nats.length),
      },
    });
    this.#latest[index] = gateway;
    return gateway;
  }

  async #disturb(options: ClusterOptions): Promise<void> {
    const { times, disturbance, longestLifeMs } = options;
    while (this.#traffic.counts.kills < times) {
      await pause(Math.random() * longestLifeMs);
      switch (disturbance) {
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
    const next = this.#start(index);
    this.#gateways[index] = next;
    await this.#balancer?.add(await next);
    await next;
  }

  /** The gateway number `index`, modulo the number of gateways. */
  #gateway(index: number): Promise<GatewayProcess> {
    const gateway = this.#gateways[index % GATEWAYS];
    assert.ok(gateway);
    return gateway;
  }

  /** Uses the balancer, or else the next gateway after a failure. */
  route(first: number): Route {
    return this.#balancer?.route() ??
      new TurningRoute({ gateways: () => this.#latest, first, mayFail: () => true });
  }

  /** Runs `work` with one gateway after the other until it succeeds, starting at number `first`. */
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
        // A failure after a success starts a new limit.
        if (performance.now() - begun > 1000) since = performance.now();
        if (performance.now() - since > PATIENCE_MS) throw error;
        retried();
      }
      await pause(20);
    }
  }
}
