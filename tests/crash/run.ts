/**
 * One run of the crash harness: publishers and clients that go on while their gateway is killed at random
 * moments and started again on the same data.
 *
 * Publishers retry with the same Idempotency-Key until they have a 201; clients reconnect with the last id
 * that they have seen. Trouble that a kill does not explain ends the run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess } from "../conformance/support/process.ts";
import { pause } from "../conformance/support/wait.ts";
import { compare, type Counts, type Differences, type Known, sum } from "./report.ts";

/** What to do. */
export interface CrashOptions {
  /** How many times to kill the gateway. */
  readonly kills: number;
  /** How many clients receive. */
  readonly clients: number;
  /** How many publishers send, each one request at a time. */
  readonly publishers: number;
  /** The longest time from listening to the next kill, in milliseconds. */
  readonly longestLifeMs: number;
  /** Told after each kill. */
  readonly progress?: (counts: Readonly<Counts>, accepted: number) => void;
}

/** What came of it. */
export interface CrashReport extends Counts, Differences {
  /** Messages that were answered with 201. */
  readonly accepted: number;
  /** Messages that the clients received, all together. */
  readonly received: number;
}

const CHANNEL = "crash";
/** What ends every client. */
const LAST = "the last message";
/** How many messages go into every other request of a publisher; one into the rest. */
const BATCH = 3;

/** Does the run. Throws for trouble that is not one of the counts. */
export async function crash(options: CrashOptions): Promise<CrashReport> {
  const dataDir = await Deno.makeTempDir({ prefix: "crash-" });
  try {
    const run = new Run(dataDir);
    return await run.go(options);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

class Run {
  readonly #dataDir: string;
  readonly #accepted: Known[] = [];
  readonly #counts: Counts = { kills: 0, resumed: 0, refused: 0, retries: 0 };
  /** The gateway that lives now, or the next one once it listens. */
  #gateway: Promise<GatewayProcess>;
  #publishing = true;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#gateway = this.#start();
  }

  async go(options: CrashOptions): Promise<CrashReport> {
    try {
      const ready = Array.from({ length: options.clients }, () => Promise.withResolvers<void>());
      const receiving = Promise.all(
        ready.map(({ resolve }, index) => this.#receive(index, resolve)),
      );
      const work = [receiving, this.#drive(ready.map(({ promise }) => promise), options)] as const;
      const [received] = await Promise.all(work);
      const differences = received.map((each) => compare(each, this.#accepted));
      return {
        ...this.#counts,
        ...sum(differences),
        accepted: this.#accepted.length,
        received: received.reduce((total, each) => total + each.length, 0),
      };
    } finally {
      this.#publishing = false;
      const gateway = await this.#gateway;
      await gateway[Symbol.asyncDispose]();
    }
  }

  /** Lets the publishers work and the gateway die, and has the clients told when it is over. */
  async #drive(ready: readonly Promise<void>[], options: CrashOptions): Promise<void> {
    await Promise.all(ready);
    const publishing = Promise.all(
      Array.from({ length: options.publishers }, (_, index) => this.#publish(index)),
    );
    await Promise.all([publishing, this.#kill(options)]);
    await this.#publishUntilAccepted("last", [LAST]);
  }

  async #start(): Promise<GatewayProcess> {
    const settings = { GATEWAY_LOG_LEVEL: "info" };
    return await GatewayProcess.start({ dataDir: this.#dataDir, settings });
  }

  async #kill({ kills, longestLifeMs, progress }: CrashOptions): Promise<void> {
    while (this.#counts.kills < kills) {
      const gateway = await this.#gateway;
      await pause(Math.random() * longestLifeMs);
      // Replaced before the signal: from here on everybody expects trouble and waits for the next one.
      const next = Promise.withResolvers<GatewayProcess>();
      this.#gateway = next.promise;
      await gateway.end("SIGKILL");
      this.#counts.kills += 1;
      next.resolve(this.#start());
      await this.#gateway;
      progress?.(this.#counts, this.#accepted.length);
    }
    this.#publishing = false;
  }

  /** Publishes to the channel and to everyone in turn, one message or several. */
  async #publish(publisher: number): Promise<void> {
    for (let count = 0; this.#publishing; count++) {
      const name = `${publisher}-${count}`;
      const contents = Array.from(
        { length: count % 2 === 0 ? 1 : BATCH },
        (_, i) => `${name}-${i}`,
      );
      await this.#publishUntilAccepted(name, contents);
    }
  }

  async #publishUntilAccepted(name: string, contents: readonly string[]): Promise<void> {
    const drafts = contents.map((content, index) =>
      index % 2 === 0 ? { channel: CHANNEL, author: "1", content } : { author: "1", content }
    );
    const request = { body: drafts, headers: { "Idempotency-Key": name } };
    const answer = await this.#retry(async ({ backend }) => {
      return await backend.request("POST", "/messages", request);
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
    await this.#retry(async (gateway) => {
      const joined = await gateway.join(`client-${index}`, { channels: [CHANNEL], lastId });
      using peer = joined.peer;
      if (lastId === undefined) lastId = String(joined.ready["last_id"]);
      else if (joined.ready["resumed"] === true) this.#counts.resumed += 1;
      else this.#counts.refused += 1;
      ready();
      for (;;) {
        const { id, content } = await peer.nextMessage();
        lastId = String(id);
        received.push({ id: lastId, content: String(content) });
        if (content === LAST) return;
      }
    });
    return received;
  }

  /** Does `work` again with the next gateway for as long as a kill is what went wrong. */
  async #retry<T>(
    work: (gateway: GatewayProcess) => Promise<T>,
    retried: () => void = () => {},
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
