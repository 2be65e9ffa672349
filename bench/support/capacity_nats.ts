/**
 * Measures messages without receivers on gateways over NATS, the cost of each following node to nats-server,
 * and the rate at which one node publishes.
 *
 * @module
 */

import { openJetStreamLog } from "../../gateway/log/mod.ts";
import { connectNats } from "../../gateway/cluster/connect.ts";
import type { Draft, MessageLog } from "../../gateway/ports.ts";
import { within } from "../../tests/conformance/support/wait.ts";
import { NatsServer } from "../../tests/nats/support/server.ts";
import { UNHEARD } from "./capacity_messages.ts";
import { CpuMeter, measureCpu } from "./cpu.ts";
import { CHAT_TEXT, Deployment, KEY } from "./deployment.ts";
import { HttpConnection } from "./http_connection.ts";
import { atRate, publishAtRate, publishClosedLoop } from "./publisher.ts";
import { median, print } from "./stats.ts";
import { createWorld } from "./world.ts";

const IDLE_MS = 2000;
const WARM_UP_SECONDS = 1;
const NODES = 3;
const CONNECTIONS = 64;
const FOLLOWERS = [1, 3, 10] as const;
const DRAFT: Draft = { channel: "nobody", author: "7", content: CHAT_TEXT };

export interface NatsLoad {
  /** Messages a second. */
  readonly rate: number;
  /** Seconds of each measurement. */
  readonly seconds: number;
}

/** Opens connections that `stack` closes. */
async function connections(stack: DisposableStack, url = ""): Promise<readonly HttpConnection[]> {
  const opening = Array.from({ length: CONNECTIONS }, () => HttpConnection.open(url));
  return (await Promise.all(opening)).map((connection) => stack.use(connection));
}

/** Prints the cost of a message to the node that publishes it, to another, and to nats-server. */
export async function measureUnheard({ rate, seconds }: NatsLoad): Promise<void> {
  await using nodes = await Deployment.start({ log: { nodes: NODES } });
  using stack = new DisposableStack();
  const open = await connections(stack, nodes.urls[0]);
  const pids = nodes.natsPid === undefined ? nodes.pids : [...nodes.pids, nodes.natsPid];
  const meter = await CpuMeter.calibrate(pids, IDLE_MS);
  const steady = async (seconds: number) => {
    const messages = Math.ceil(rate * seconds);
    const first = nodes.publishers.slice(0, 1);
    await publishAtRate(first, { messages, rate, body: () => UNHEARD });
    return messages;
  };
  const flatOut = async (seconds: number) => {
    const options = { body: UNHEARD, key: KEY, ms: seconds * 1000 };
    return (await publishClosedLoop(open, options)).messages;
  };
  for (const publish of [steady, flatOut]) {
    await publish(WARM_UP_SECONDS);
    const spent = await meter.measure(() => publish(seconds));
    const messages = spent.result;
    const each = (index: number) => print((spent.micros[index] ?? NaN) / messages, 1);
    console.log(
      `message for nobody, ${NODES} nodes on NATS at ${print(messages / spent.seconds)}/s: ` +
        `${each(0)} µs on the node that publishes it, ${each(NODES - 1)} µs on one that only ` +
        `follows, ${each(NODES)} µs in nats-server`,
    );
  }
  const idle = meter.idle.map((micros) => print(micros / 1000, 1));
  console.log(
    `idle, in ms a second: ${idle.slice(0, NODES).join(", ")}; nats-server ${idle.at(-1)}`,
  );
}

/** Logs in this process that follow one stream. */
class Followers implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #logs: readonly MessageLog[];
  readonly #counts: number[];
  #published = 0;
  #wake: () => void = () => {};

  private constructor(logs: readonly MessageLog[], stack: AsyncDisposableStack) {
    this.#logs = logs;
    this.#stack = stack;
    this.#counts = logs.map(() => 0);
    for (const [index, log] of logs.entries()) {
      log.subscribe((messages) => {
        this.#counts[index] = (this.#counts[index] ?? 0) + messages.length;
        this.#wake();
      });
    }
  }

  /** Opens `count` logs on the server at `url`; the first publishes too. */
  static async open(url: string, count: number): Promise<Followers> {
    await using stack = new AsyncDisposableStack();
    const logs: MessageLog[] = [];
    for (let index = 0; index < count; index++) {
      const world = createWorld();
      const nats = await connectNats({ servers: [url] }, world);
      stack.defer(() => nats.close());
      const names = { stream: "messages", subject: "gateway", replicas: 1 };
      const log = await openJetStreamLog({ ...world, ...names, nats });
      stack.defer(() => log.close());
      logs.push(log);
    }
    return new Followers(logs, stack.move());
  }

  /** Publishes for `seconds`. Returns the number of messages, once every log has them. */
  async publish(seconds: number, rate: number | "flat out"): Promise<number> {
    const before = this.#published;
    if (rate === "flat out") {
      const end = performance.now() + seconds * 1000;
      const loop = async () => {
        while (performance.now() < end) await this.#publishOne();
      };
      await Promise.all(Array.from({ length: CONNECTIONS }, loop));
    } else {
      await atRate({ times: Math.ceil(rate * seconds), rate }, () => this.#publishOne());
    }
    await within("all followers", this.#all());
    return this.#published - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #publishOne(): Promise<void> {
    this.#published += 1;
    await this.#logs[0]?.publish([DRAFT]);
  }

  async #all(): Promise<void> {
    while (this.#counts.some((count) => count < this.#published)) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#counts.some((count) => count !== this.#published)) {
      throw new Error(`${this.#published} were published, and received: ${this.#counts.join()}`);
    }
  }
}

/** Prints the cost of a message to nats-server, by the number of followers. */
export async function measureNatsServer({ rate, seconds }: NatsLoad): Promise<void> {
  for (const speed of [rate, "flat out"] as const) {
    const costs: number[] = [];
    for (const count of FOLLOWERS) {
      await using server = await NatsServer.start();
      await using followers = await Followers.open(server.url, count);
      const meter = await CpuMeter.calibrate([server.pid ?? NaN], IDLE_MS / 2);
      await followers.publish(WARM_UP_SECONDS, speed);
      const spent = await meter.measure(() => followers.publish(seconds, speed));
      const cost = (spent.micros[0] ?? NaN) / spent.result;
      costs.push(cost);
      console.log(
        `nats-server with ${count} following, at ${print(spent.result / spent.seconds)}/s: ` +
          `${print(cost, 1)} µs a message; a core of it would be full at ${print(1e6 / cost)}/s`,
      );
    }
    const [one = NaN, , ten = NaN] = costs;
    const each = (ten - one) / (FOLLOWERS[2] - FOLLOWERS[0]);
    console.log(`  each further node that follows: ${print(each, 1)} µs a message`);
  }
}

/** Prints the rate at which one gateway accepts messages from many connections, on NATS and on SQLite in turn. */
export async function measurePublishing(
  { rounds, seconds, nats }: {
    readonly rounds: number;
    readonly seconds: number;
    readonly nats: boolean;
  },
): Promise<void> {
  await using gateways = new AsyncDisposableStack();
  using stack = new DisposableStack();
  const sides: Side[] = [];
  for (const name of nats ? ["SQLite", "NATS"] as const : ["SQLite"] as const) {
    const log = name === "SQLite" ? "sqlite" : { nodes: 1 };
    const deployment = gateways.use(await Deployment.start({ log }));
    const open = await connections(stack, deployment.urls[0]);
    sides.push({ name, deployment, open, rates: [], micros: [] });
  }
  for (let round = -1; round < rounds; round++) {
    for (const { deployment: { pids, natsPid }, open, rates, micros } of sides) {
      const options = { body: UNHEARD, key: KEY, ms: seconds * 1000 };
      const all = natsPid === undefined ? pids : [...pids, natsPid];
      const spent = await measureCpu(all, () => publishClosedLoop(open, options));
      if (round < 0) continue;
      rates.push(spent.result.rate);
      micros.push((spent.micros[0] ?? NaN) / spent.result.messages);
    }
  }
  for (const { name, rates, micros } of sides) {
    console.log(
      `accepted by one gateway from ${CONNECTIONS} connections, ${name}: ` +
        `${print(median(rates))}/s at ${print(median(micros), 1)} µs of the gateway each`,
    );
  }
  const [sqlite, overNats] = sides;
  if (sqlite === undefined || overNats === undefined) return;
  const ratios = overNats.rates.map((rate, round) => rate / (sqlite.rates[round] ?? NaN));
  console.log(
    `  NATS accepts ${print(median(ratios), 2)} times what SQLite does (rounds: ${
      ratios.map((ratio) => print(ratio, 2)).join(", ")
    })`,
  );
}

interface Side {
  readonly name: string;
  readonly deployment: Deployment;
  readonly open: readonly HttpConnection[];
  readonly rates: number[];
  readonly micros: number[];
}
