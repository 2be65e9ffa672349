/**
 * A load balancer for the crash harness, in process: sends clients to healthy gateways, all of which trust one
 * issuer, and measures how long clients are away.
 *
 * Before a node restarts, it is taken out, and is stopped only when the clients that were sent there have
 * connected, as operators do. A node is added when its `/health` is 200.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Disconnect } from "../../client/mod.ts";
import { claims, type Issuer, sign } from "../conformance/support/issuer.ts";
import type { GatewayProcess } from "../conformance/support/process.ts";
import { eventually } from "../conformance/support/wait.ts";
import type { Login, Route } from "./route.ts";

/** The code with which a restarting gateway closes its clients. */
const SERVICE_RESTART = 1012;

/** The times that clients were away, over a run. */
export interface Absences {
  /** Closes after which a client reconnected. */
  readonly count: number;
  /** Attempts after the first, because that did not end in Ready. */
  readonly extraAttempts: number;
  /** The longest delay that a client drew, in milliseconds. */
  readonly longestDelayMs: number;
  /** The longest time from close to Ready, in milliseconds. */
  readonly longestAwayMs: number;
  /** The median time from close to Ready without the delay, in milliseconds. */
  readonly medianOverheadMs: number;
  /** The longest of those times. */
  readonly longestOverheadMs: number;
}

/** One absence of a client. */
interface Absence {
  readonly delayMs: number;
  readonly awayMs: number;
}

/** Sends clients to healthy nodes, and measures their absences. */
export class Balancer {
  readonly #issuer: Issuer;
  readonly #healthy: GatewayProcess[] = [];
  /** Clients that were sent to a node and have not connected yet. */
  readonly #coming = new Map<GatewayProcess, Set<Promise<void>>>();
  readonly #absences: Absence[] = [];
  #extraAttempts = 0;
  #turn = 0;

  /** A balancer without nodes. The tokens of its clients come from `issuer`. */
  constructor(issuer: Issuer) {
    this.#issuer = issuer;
  }

  /** Adds `node` once it is healthy; resolves then. */
  async add(node: GatewayProcess): Promise<void> {
    await eventually("the gateway to be healthy", async () => {
      const { status } = await node.backend.request("GET", "/health");
      return status === 200 ? true : undefined;
    });
    this.#coming.set(node, new Set());
    this.#healthy.push(node);
  }

  /** Removes `node`; resolves when the clients that were sent there have connected. */
  async remove(node: GatewayProcess): Promise<void> {
    const index = this.#healthy.indexOf(node);
    assert.ok(index >= 0, "the node was healthy");
    this.#healthy.splice(index, 1);
    await Promise.all(this.#coming.get(node) ?? []);
    this.#coming.delete(node);
  }

  /** The route of one more client. */
  route(): Route {
    return new BalancedRoute({
      issuer: this.#issuer,
      send: () => this.#send(),
      failed: () => this.#extraAttempts += 1,
      returned: (absence) => this.#absences.push(absence),
    });
  }

  /** The node for a client, and a function to call when it has connected or failed. */
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

/** A connection should end only with a restart of its node; any other failure is an extra attempt. */
class BalancedRoute implements Route {
  readonly random = Math.random;
  readonly #options: BalancedRouteOptions;
  #sent: Sent | undefined;
  #isReady = false;
  /** The start of the client's absence, and the delays since. */
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
