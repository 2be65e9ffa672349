/**
 * The traffic of a run of the crash harness: publishers that send until they have a 201, retrying with the
 * same Idempotency-Key, clients that receive, and the book of what both know.
 *
 * Which gateway is tried, and what trouble is expected, is for whoever disturbs them to say.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { GatewayProcess } from "../conformance/support/process.ts";
import { within } from "../conformance/support/wait.ts";
import { receive } from "./receiver.ts";
import { compare, type Counts, type Differences, type Known, sum } from "./report.ts";
import type { Route } from "./route.ts";

/** How much traffic, and for how long. */
export interface TrafficOptions {
  /** How many clients receive. */
  readonly clients: number;
  /** How many publishers send, each one request at a time. */
  readonly publishers: number;
  /** The longest time between two disturbances, in milliseconds. */
  readonly longestLifeMs: number;
  /** Told after each disturbance. */
  readonly progress?: (counts: Readonly<Counts>, accepted: number) => void;
}

/** What came of it. */
export interface TrafficReport extends Counts, Differences {
  /** Messages that were answered with 201. */
  readonly accepted: number;
  /** Messages that the clients received, all together. */
  readonly received: number;
}

/** The gateways, as publishers and clients find them. */
export interface Deployment {
  /** Does `work` for number `who` until it succeeds; says each time that it did not. */
  retry<T>(
    who: number,
    work: (gateway: GatewayProcess) => Promise<T>,
    retried: () => void,
  ): Promise<T>;
  /** How client number `who` gets in. */
  route(who: number): Route;
}

const CHANNEL = "crash";
/** What ends every client. */
const LAST = "the last message";
/** How long the last message may take to those who have much to catch up with. */
const PATIENCE = { limitMs: 60_000 };
/** How many messages go into every other request of a publisher; one into the rest. */
const BATCH = 3;

/** Publishers and clients on one deployment. */
export class Traffic {
  /** What happened so far; whoever disturbs counts that here. */
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

  /** Traffic that has yet to begin. */
  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** Lets it flow while it is disturbed. Throws for trouble that is not one of the counts. */
  async go(options: TrafficOptions, disturb: () => Promise<void>): Promise<TrafficReport> {
    try {
      const ready = Array.from({ length: options.clients }, () => Promise.withResolvers<void>());
      const receiving = Promise.all(
        ready.map(({ resolve }, index) => this.#receive(index, resolve)),
      );
      const driving = Promise.all(ready.map(({ promise }) => promise))
        .then(() => this.#drive(options, disturb));
      // Who fails ends the run at once; and once all is published, clients have only so long.
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

  /** Counts a disturbance. */
  disturbed({ progress }: TrafficOptions): void {
    this.counts.kills += 1;
    progress?.(this.counts, this.#accepted.length);
  }

  /** Lets the publishers work while they are disturbed, and has the clients told when it is over. */
  async #drive({ publishers }: TrafficOptions, disturb: () => Promise<void>): Promise<void> {
    const publishing = Array.from({ length: publishers }, (_, index) => this.#publish(index));
    const disturbing = disturb().finally(() => this.#publishing = false);
    await Promise.all([...publishing, disturbing]);
    await this.#publishUntilAccepted({ name: "last", publisher: 0, contents: [LAST] });
  }

  /** Publishes to the channel and to everyone in turn, one message or several. */
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

  /** Receives until the last message. The first client does it slowly. */
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
