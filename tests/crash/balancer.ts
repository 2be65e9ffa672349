/**
 * What stands before the gateways, as far as a client can tell: a load balancer that knows which of them
 * are healthy, and the client's way back after a close.
 *
 * A node that is about to be restarted is taken out first, and is stopped when the clients that were sent
 * there are through, as operators do. A node comes in when its `/health` is 200.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { GatewayProcess } from "../conformance/support/process.ts";
import { eventually, pause } from "../conformance/support/wait.ts";

/** The longest delay before a client connects again, in milliseconds; it is drawn from 0 to this. */
const LONGEST_DELAY_MS = 500;
/** How long a client tries before the run is a failure. */
const PATIENCE_MS = 60_000;

/** How long clients were away, over a run. */
export interface Absences {
  /** Closes after which a client came back. */
  readonly count: number;
  /** Times that a client had to try again, because it was not Ready at the first attempt. */
  readonly extraAttempts: number;
  /** The longest delay that was drawn, in milliseconds. */
  readonly longestDelayMs: number;
  /** The longest time from the close to Ready, in milliseconds. */
  readonly longestAwayMs: number;
  /** The time from the close to Ready without the delay, in the middle of all, in milliseconds. */
  readonly medianOverheadMs: number;
  /** The same, at its longest. */
  readonly longestOverheadMs: number;
}

/** One time that a client was away. */
interface Absence {
  readonly delayMs: number;
  readonly awayMs: number;
}

/** Sends clients to healthy nodes, and keeps how long they were away. */
export class Balancer {
  readonly #healthy: GatewayProcess[] = [];
  /** The clients that were sent to a node and are not through yet. */
  readonly #coming = new Map<GatewayProcess, Set<Promise<unknown>>>();
  readonly #absences: Absence[] = [];
  #extraAttempts = 0;
  #turn = 0;

  /** Sends clients to `node` from the time that it is healthy; resolves then. */
  async add(node: GatewayProcess): Promise<void> {
    await eventually("the gateway to be healthy", async () => {
      const { status } = await node.backend.request("GET", "/health");
      return status === 200 ? true : undefined;
    });
    this.#coming.set(node, new Set());
    this.#healthy.push(node);
  }

  /** Sends nobody to `node` any more; resolves when all are through who were. */
  async remove(node: GatewayProcess): Promise<void> {
    const index = this.#healthy.indexOf(node);
    assert.ok(index >= 0, "the node was healthy");
    this.#healthy.splice(index, 1);
    await Promise.allSettled(this.#coming.get(node) ?? []);
    this.#coming.delete(node);
  }

  /** Does what a client does to get in, with one node or the other. */
  async connect<T>(enter: (node: GatewayProcess) => Promise<T>): Promise<T> {
    const node = this.#healthy[this.#turn++ % this.#healthy.length];
    assert.ok(node, "there is a healthy node");
    const entering = enter(node);
    const coming = this.#coming.get(node);
    coming?.add(entering);
    try {
      return await entering;
    } finally {
      coming?.delete(entering);
    }
  }

  /** The same for a client that was closed at `closedAt`: after a delay drawn anew before each attempt. */
  async reconnect<T>(
    closedAt: number,
    enter: (node: GatewayProcess) => Promise<T>,
  ): Promise<T> {
    let delayMs = 0;
    for (;;) {
      const drawnMs = Math.random() * LONGEST_DELAY_MS;
      delayMs += drawnMs;
      await pause(drawnMs);
      try {
        const entered = await this.connect(enter);
        this.#absences.push({ delayMs, awayMs: performance.now() - closedAt });
        return entered;
      } catch (error) {
        if (performance.now() - closedAt > PATIENCE_MS) throw error;
        this.#extraAttempts += 1;
      }
    }
  }

  /** What the run came to. */
  get absences(): Absences {
    const overheads = this.#absences.map(({ awayMs, delayMs }) => awayMs - delayMs)
      .toSorted((a, b) => a - b);
    return {
      count: this.#absences.length,
      extraAttempts: this.#extraAttempts,
      longestDelayMs: Math.max(0, ...this.#absences.map(({ delayMs }) => delayMs)),
      longestAwayMs: Math.max(0, ...this.#absences.map(({ awayMs }) => awayMs)),
      medianOverheadMs: overheads[Math.floor(overheads.length / 2)] ?? 0,
      longestOverheadMs: overheads.at(-1) ?? 0,
    };
  }
}
