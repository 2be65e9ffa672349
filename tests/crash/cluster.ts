/**
 * The crash harness for three gateways and one NATS: clients and publishers are spread over all gateways
 * and go to the next one when theirs fails, while gateways are killed or NATS is killed; or clients are
 * behind a load balancer while gateways are restarted one after the other, and it is measured how long they
 * are away.
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

/** What is done to the deployment, again and again. */
export type ClientFaults =
  | "kill gateways"
  | "restart gateways"
  | "kill NATS"
  /** Of a cluster of three with three replicas, the one that leads the stream. */
  | "kill NATS leaders";

/** What to do. */
export interface ClusterOptions extends TrafficOptions {
  /** What is done. */
  readonly mischief: ClientFaults;
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
/** Which gateways that trust an issuer have to be given. */
const PUBLISH_KEY = "a-key-for-all-nodes";

/** Does the run. */
export async function crashCluster(options: ClusterOptions): Promise<ClusterReport> {
  const nats = options.mischief === "kill NATS leaders"
    ? await startCluster(3)
    : [await NatsServer.start()];
  const issuer = options.mischief === "restart gateways" ? await Issuer.start("EdDSA") : undefined;
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
  /** Of each, the process that was the last to listen. */
  readonly #latest: GatewayProcess[] = [];
  readonly #traffic = new Traffic(this);

  /** With an issuer there is a balancer before the gateways, whose clients have tokens of the issuer. */
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
    const next = this.#start(index);
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

  /** Through the balancer; or else, whatever fails is tried at the next gateway. */
  route(first: number): Route {
    return this.#balancer?.route() ??
      new TurningRoute({ gateways: () => this.#latest, first, mayFail: () => true });
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
