/**
 * One run of the crash harness: publishers and clients work while their gateway is killed at random moments and
 * restarted on the same data.
 *
 * Trouble that a kill does not explain ends the run.
 *
 * @module
 */

import { GatewayProcess } from "../conformance/support/process.ts";
import { pause } from "../conformance/support/wait.ts";
import { type Route, TurningRoute } from "./route.ts";
import { type Deployment, Traffic, type TrafficOptions, type TrafficReport } from "./traffic.ts";

export interface CrashOptions extends TrafficOptions {
  /** The number of kills. */
  readonly kills: number;
}

/** Executes the run. Throws for trouble that is not counted. */
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
  /** The current gateway, or the next one once it listens. */
  #gateway: Promise<GatewayProcess>;
  /** The last one that listened, and whether it has been killed since. */
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
      // Replaced before the signal: from now on, trouble is expected and everything waits for the next one.
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

  /** Repeats `work` with the next gateway while a kill explains its failure. */
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
