/**
 * What stands before the gateways, as far as a client can tell: a load balancer that knows which of them
 * are healthy, one issuer that all of them trust, and how long clients are away.
 *
 * A node that is about to be restarted is taken out first, and is stopped when the clients that were sent
 * there are through, as operators do. A node comes in when its `/health` is 200.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Disconnect } from "../../client/mod.ts";
import { claims, type Issuer, sign } from "../conformance/support/issuer.ts";
import type { GatewayProcess } from "../conformance/support/process.ts";
import { eventually } from "../conformance/support/wait.ts";
import type { Login, Route } from "./route.ts";

/** With which a gateway that is restarted closes its clients. */
const SERVICE_RESTART = 1012;

/** How long clients were away, over a run. */
export interface Absences {
  /** Closes after which a client came back. */
  readonly count: number;
  /** Times that a client had to try again, because it was not Ready at the first attempt. */
  readonly extraAttempts: number;
  /** The longest delay that clients drew, in milliseconds. */
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
  readonly #issuer: Issuer;
  readonly #healthy: GatewayProcess[] = [];
  /** The clients that were sent to a node and are not through yet. */
  readonly #coming = new Map<GatewayProcess, Set<Promise<void>>>();
  readonly #absences: Absence[] = [];
  #extraAttempts = 0;
  #turn = 0;

  /** Stands before nobody yet. The tokens of its clients are of `issuer`. */
  constructor(issuer: Issuer) {
    this.#issuer = issuer;
  }

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
    await Promise.all(this.#coming.get(node) ?? []);
    this.#coming.delete(node);
  }

  /** The way in of one more client. */
  route(): Route {
    return new BalancedRoute({
      issuer: this.#issuer,
      send: () => this.#send(),
      failed: () => this.#extraAttempts += 1,
      returned: (absence) => this.#absences.push(absence),
    });
  }

  /** The node that a client goes to, and what to call when it is through or has failed. */
  #send(): Sent {
    const node = this.#healthy[this.#turn++ % this.#healthy.length];
    assert.ok(node, "there is a healthy node");
    const { promise, resolve } = Promise.withResolvers<void>();
    const coming = this.#coming.get(node);
    coming?.add(promise);
    const through = (): void => {
      coming?.delete(promise);
      resolve();
    };
    return { node, through };
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

/** A client that the balancer has sent to a node. */
interface Sent {
  readonly node: GatewayProcess;
  readonly through: () => void;
}

interface BalancedRouteOptions {
  readonly issuer: Issuer;
  readonly send: () => Sent;
  readonly failed: () => void;
  readonly returned: (absence: Absence) => void;
}

/** A connection ends with a restart of its node, and only so; whatever else fails is an extra attempt. */
class BalancedRoute implements Route {
  /** The delays are those of the client library. */
  readonly random = Math.random;
  readonly #options: BalancedRouteOptions;
  #sent: Sent | undefined;
  #isReady = false;
  /** Since when the client is away, and which delays it has drawn since. */
  #away: { readonly since: number; delayMs: number } | undefined;

  constructor(options: BalancedRouteOptions) {
    this.#options = options;
  }

  enter(): GatewayProcess {
    this.#sent = this.#options.send();
    this.#isReady = false;
    return this.#sent.node;
  }

  login({ user, channels }: Login): Promise<string> {
    const { issuer } = this.#options;
    return sign(claims({ sub: user, channels }), issuer.good);
  }

  loginFailed(error: Error): void {
    throw error;
  }

  arrived(): void {
    this.#isReady = true;
    this.#sent?.through();
    if (this.#away === undefined) return;
    const { since, delayMs } = this.#away;
    this.#away = undefined;
    this.#options.returned({ delayMs, awayMs: performance.now() - since });
  }

  left({ code, reason, retryInMs }: Disconnect): void {
    this.#sent?.through();
    if (this.#isReady) {
      assert.equal(code, SERVICE_RESTART, `closed with ${code} ${reason}`);
      this.#away = { since: performance.now(), delayMs: 0 };
    } else {
      this.#options.failed();
    }
    if (this.#away !== undefined) this.#away.delayMs += retryInMs ?? 0;
    this.#isReady = false;
  }
}
