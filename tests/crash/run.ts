/**
 * One run of the crash harness: publishers and clients that go on while their gateway is killed at random
 * moments and started again on the same data.
 *
 * Trouble that a kill does not explain ends the run.
 *
 * @module
 */

import { GatewayProcess } from "../conformance/support/process.ts";
import { pause } from "../conformance/support/wait.ts";
import { type Route, TurningRoute } from "./route.ts";
import { type Deployment, Traffic, type TrafficOptions, type TrafficReport } from "./traffic.ts";

/** What to do. */
export interface CrashOptions extends TrafficOptions {
  /** How many times to kill the gateway. */
  readonly kills: number;
}

/** Does the run. Throws for trouble that is not one of the counts. */
export async function crash(options: CrashOptions): Promise<TrafficReport> {
  const dataDir = await Deno.makeTempDir({ prefix: "crash-" });
  try {
    const run = new Run(dataDir);
    return await run.go(options);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

class Run implements Deployment {
  readonly #dataDir: string;
  readonly #traffic = new Traffic(this);
  /** The gateway that lives now, or the next one once it listens. */
  #gateway: Promise<GatewayProcess>;
  /** The one that was the last to listen, and whether it has been killed since. */
  #latest: GatewayProcess | undefined;
  #killed = false;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#gateway = this.#start();
  }

  async go(options: CrashOptions): Promise<TrafficReport> {
    try {
      await this.#gateway;
      return await this.#traffic.go(options, () => this.#kill(options));
    } finally {
      const gateway = await this.#gateway;
      await gateway[Symbol.asyncDispose]();
    }
  }

  async #start(): Promise<GatewayProcess> {
    const settings = { GATEWAY_LOG_LEVEL: "info" };
    this.#latest = await GatewayProcess.start({ dataDir: this.#dataDir, settings });
    this.#killed = false;
    return this.#latest;
  }

  async #kill(options: CrashOptions): Promise<void> {
    const { kills, longestLifeMs } = options;
    while (this.#traffic.counts.kills < kills) {
      const gateway = await this.#gateway;
      await pause(Math.random() * longestLifeMs);
      // Replaced before the signal: from here on everybody expects trouble and waits for the next one.
      const next = Promise.withResolvers<GatewayProcess>();
      this.#gateway = next.promise;
      this.#killed = true;
      await gateway.end("SIGKILL");
      next.resolve(this.#start());
      await this.#gateway;
      this.#traffic.disturbed(options);
    }
  }

  route(first: number): Route {
    return new TurningRoute({
      gateways: () => this.#latest === undefined ? [] : [this.#latest],
      first,
      mayFail: (gateway) => this.#killed || gateway !== this.#latest,
    });
  }

  /** Does `work` again with the next gateway for as long as a kill is what went wrong. */
  async retry<T>(
    _who: number,
    work: (gateway: GatewayProcess) => Promise<T>,
    retried: () => void,
  ): Promise<T> {
    for (;;) {
      const current = this.#gateway;
      try {
        return await work(await current);
      } catch (error) {
        if (this.#gateway === current) throw error;
        retried();
      }
    }
  }
}
