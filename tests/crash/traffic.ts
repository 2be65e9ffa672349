/**
 * The traffic of a run of the crash harness: publishers that repeat a request with the same Idempotency-Key
 * until they get a 201, clients that receive, and a record of both.
 *
 * The caller decides which gateway is used and which trouble is expected.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { GatewayProcess } from "../conformance/support/process.ts";
import { within } from "../conformance/support/wait.ts";
import { receive } from "./receiver.ts";
import { compare, type Counts, type Differences, type Known, sum } from "./report.ts";
import type { Route } from "./route.ts";

/** The amount and duration of the traffic. */
export interface TrafficOptions {
  /** The number of clients. */
  readonly clients: number;
  /** The number of publishers, each with one request at a time. */
  readonly publishers: number;
  /** The longest time between two disturbances, in milliseconds. */
  readonly longestLifeMs: number;
  /** Called after each disturbance. */
  readonly progress?: (counts: Readonly<Counts>, accepted: number) => void;
}

export interface TrafficReport extends Counts, Differences {
  /** Messages that were answered with 201. */
  readonly accepted: number;
  /** Messages that all clients received in total. */
  readonly received: number;
}

/** The gateways for publishers and clients. */
export interface Deployment {
  /** Runs `work` for number `who` until it succeeds; reports each failure. */
  retry<T>(
    who: number,
    work: (gateway: GatewayProcess) => Promise<T>,
    retried: () => void,
  ): Promise<T>;
  /** The route of client number `who`. */
  route(who: number): Route;
}

const CHANNEL = "crash";
/** The content of the last message, which ends every client. */
const LAST = "the last message";
/** The limit for the last message, for clients that must catch up. */
const PATIENCE = { limitMs: 60_000 };
/** The number of messages in every other request of a publisher; the rest have one. */
const BATCH = 3;

/** Publishers and clients of one deployment. */
export class Traffic {
  /** Counts of events; the caller adds its disturbances. */
  readonly counts: Counts = {
    kills: 0,
    resumed: 0,
    refused: 0,
    disconnects: 0,
    renewals: 0,
    pauses: 0,
    hidden: 0,
    retries: 0,
  };
  readonly #deployment: Deployment;
  readonly #accepted: Known[] = [];
  #publishing = true;

  /** Traffic that has not started. */
  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** Runs while the caller disturbs. Throws for trouble that is not counted. */
  async go(options: TrafficOptions, disturb: () => Promise<void>): Promise<TrafficReport> {
    try {
      const ready = Array.from({ length: options.clients }, () => Promise.withResolvers<void>());
      const receiving = Promise.all(
        ready.map(({ resolve }, index) => this.#receive(index, resolve)),
      );
      const driving = Promise.all(ready.map(({ promise }) => promise))
        .then(() => this.#drive(options, disturb));
      // A failure ends the run at once. After the last publish, clients have a limit.
      await Promise.race([driving, receiving]);
      await driving;
      const received = await within("the last message at every client", receiving, PATIENCE);
      return {
        ...this.counts,
        ...sum(received.map((each) => compare(each, this.#accepted))),
        accepted: this.#accepted.length,
        received: received.reduce((total, each) => total + each.length, 0),
      };
    } finally {
      this.#publishing = false;
    }
  }

  disturbed({ progress }: TrafficOptions): void {
    this.counts.kills += 1;
    progress?.(this.counts, this.#accepted.length);
  }

  /** Runs the publishers during the disturbances, then publishes the last message. */
  async #drive({ publishers }: TrafficOptions, disturb: () => Promise<void>): Promise<void> {
    const publishing = Array.from({ length: publishers }, (_, index) => this.#publish(index));
    const disturbing = disturb().finally(() => this.#publishing = false);
    await Promise.all([...publishing, disturbing]);
    await this.#publishUntilAccepted({ name: "last", publisher: 0, contents: [LAST] });
  }

  /** Publishes to the channel and to everyone in turn, one or several messages. */
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
    const answer = await this.#deployment.retry(publisher, async ({ backend }) => {
      const answer = await backend.request("POST", "/messages", request);
      assert.notEqual(answer.status, 503, JSON.stringify(answer.body));
      return answer;
    }, () => this.counts.retries += 1);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    const receipts = answer.body as readonly { readonly id: string }[];
    assert.equal(receipts.length, contents.length);
    contents.forEach((content, index) => {
      this.#accepted.push({ id: receipts[index]?.id ?? "", content });
    });
  }

  /** Receives until the last message. The first client reads slowly. */
  #receive(index: number, ready: () => void): Promise<readonly Known[]> {
    return receive({
      route: this.#deployment.route(index),
      user: `client-${index}`,
      channels: [CHANNEL],
      counts: this.counts,
      slow: index === 0,
      last: LAST,
      ready,
    });
  }
}
