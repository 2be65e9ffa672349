/**
 * The crash harness for three gateways and one NATS: clients and publishers are spread over all gateways
 * and go to the next one when theirs fails, while gateways are killed or NATS is killed; or they are behind
 * a load balancer while gateways are restarted one after the other, and it is measured how long they are
 * away.
 *
 * Publishers retry with the same Idempotency-Key until they have a 201, on whatever gateway; clients
 * reconnect with the last id that they have seen.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Peer } from "../conformance/support/peer.ts";
import { GatewayProcess } from "../conformance/support/process.ts";
import { pause } from "../conformance/support/wait.ts";
import { leaderOf } from "../nats/support/leader.ts";
import { NatsServer, startCluster } from "../nats/support/server.ts";
import { type Absences, Balancer } from "./balancer.ts";
import { compare, type Counts, type Differences, type Known, sum } from "./report.ts";

/** What is done to the deployment, again and again. */
export type Mischief =
  | "kill gateways"
  | "restart gateways"
  | "kill NATS"
  /** Of a cluster of three with three replicas, the one that leads the stream. */
  | "kill NATS leaders";

/** What to do. */
export interface ClusterOptions {
  /** What is done. */
  readonly mischief: Mischief;
  /** How many times. */
  readonly times: number;
  /** How many clients receive. */
  readonly clients: number;
  /** How many publishers send, each one request at a time. */
  readonly publishers: number;
  /** The longest time between two, in milliseconds. */
  readonly longestLifeMs: number;
  /** Told after each. */
  readonly progress?: (counts: Readonly<Counts>, accepted: number) => void;
}

/** What came of it. */
export interface ClusterReport extends Counts, Differences {
  /** Messages that were answered with 201. */
  readonly accepted: number;
  /** Messages that the clients received, all together. */
  readonly received: number;
  /** How long clients were away, if gateways were restarted. */
  readonly absences: Absences | undefined;
}

const GATEWAYS = 3;
const CHANNEL = "crash";
const LAST = "the last message";
const BATCH = 3;
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

class ClusterRun {
  readonly #nats: readonly NatsServer[];
  readonly #balancer: Balancer | undefined;
  readonly #gateways: Promise<GatewayProcess>[];
  readonly #accepted: Known[] = [];
  readonly #counts: Counts = { kills: 0, resumed: 0, refused: 0, retries: 0 };
  #publishing = true;

  constructor(nats: readonly NatsServer[], balancer: Balancer | undefined) {
    this.#nats = nats;
    this.#balancer = balancer;
    this.#gateways = Array.from({ length: GATEWAYS }, () => this.#start());
  }

  async go(options: ClusterOptions): Promise<ClusterReport> {
    try {
      for (const gateway of await Promise.all(this.#gateways)) await this.#balancer?.add(gateway);
      const ready = Array.from({ length: options.clients }, () => Promise.withResolvers<void>());
      const receiving = Promise.all(
        ready.map(({ resolve }, index) => this.#receive(index, resolve)),
      );
      const driving = this.#drive(ready.map(({ promise }) => promise), options);
      const [received] = await Promise.all([receiving, driving]);
      return {
        ...this.#counts,
        ...sum(received.map((each) => compare(each, this.#accepted))),
        accepted: this.#accepted.length,
        received: received.reduce((total, each) => total + each.length, 0),
        absences: this.#balancer?.absences,
      };
    } finally {
      this.#publishing = false;
      for (const gateway of await Promise.all(this.#gateways)) await gateway[Symbol.asyncDispose]();
    }
  }

  async #drive(ready: readonly Promise<void>[], options: ClusterOptions): Promise<void> {
    await Promise.all(ready);
    const publishing = Promise.all(
      Array.from({ length: options.publishers }, (_, index) => this.#publish(index)),
    );
    await Promise.all([publishing, this.#disturb(options)]);
    await this.#publishUntilAccepted({ name: "last", publisher: 0, contents: [LAST] });
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

  async #disturb({ times, mischief, longestLifeMs, progress }: ClusterOptions): Promise<void> {
    while (this.#counts.kills < times) {
      await pause(Math.random() * longestLifeMs);
      switch (mischief) {
        case "kill gateways":
          await this.#replace(Math.floor(Math.random() * GATEWAYS), "SIGKILL");
          break;
        case "restart gateways":
          await this.#replace(this.#counts.kills % GATEWAYS, "SIGTERM");
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
      this.#counts.kills += 1;
      progress?.(this.#counts, this.#accepted.length);
    }
    this.#publishing = false;
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

  async #publish(publisher: number): Promise<void> {
    for (let count = 0; this.#publishing; count++) {
      const name = `${publisher}-${count}`;
      const length = count % 2 === 0 ? 1 : BATCH;
      const contents = Array.from({ length }, (_, index) => `${name}-${index}`);
      await this.#publishUntilAccepted({ name, publisher, contents });
    }
  }

  async #publishUntilAccepted(
    { name, publisher, contents }: {
      readonly name: string;
      readonly publisher: number;
      readonly contents: readonly string[];
    },
  ): Promise<void> {
    const drafts = contents.map((content, index) =>
      index % 2 === 0 ? { channel: CHANNEL, author: "1", content } : { author: "1", content }
    );
    const request = { body: drafts, headers: { "Idempotency-Key": name } };
    const answer = await this.#retry(publisher, async ({ backend }) => {
      const answer = await backend.request("POST", "/messages", request);
      assert.notEqual(answer.status, 503, "the log is away");
      return answer;
    }, () => this.#counts.retries += 1);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    const receipts = answer.body as readonly { readonly id: string }[];
    assert.equal(receipts.length, contents.length);
    contents.forEach((content, index) => {
      this.#accepted.push({ id: receipts[index]?.id ?? "", content });
    });
  }

  /** Receives until the last message, over as many connections as it takes. */
  async #receive(index: number, ready: () => void): Promise<readonly Known[]> {
    const received: Known[] = [];
    let lastId: string | undefined;
    const enter = async (gateway: GatewayProcess): Promise<Peer> => {
      const joined = await gateway.join(`client-${index}`, { channels: [CHANNEL], lastId });
      if (lastId === undefined) lastId = String(joined.ready["last_id"]);
      else if (joined.ready["resumed"] === true) this.#counts.resumed += 1;
      else this.#counts.refused += 1;
      ready();
      return joined.peer;
    };
    const read = async (peer: Peer): Promise<void> => {
      for (;;) {
        const { id, content } = await peer.nextMessage();
        lastId = String(id);
        received.push({ id: lastId, content: String(content) });
        if (content === LAST) return;
      }
    };
    if (this.#balancer !== undefined) await readBalanced(this.#balancer, { enter, read });
    else {
      await this.#retry(index, async (gateway) => {
        using peer = await enter(gateway);
        await read(peer);
      });
    }
    return received;
  }

  /** Does `work` with one gateway after the other until it succeeds; begins with number `first`. */
  async #retry<T>(
    first: number,
    work: (gateway: GatewayProcess) => Promise<T>,
    retried: () => void = () => {},
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
async function readBalanced(
  balancer: Balancer,
  { enter, read }: {
    readonly enter: (gateway: GatewayProcess) => Promise<Peer>;
    readonly read: (peer: Peer) => Promise<void>;
  },
): Promise<void> {
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
