/**
 * The route of one client of the crash harness: the gateway and the token for each connection, and the trouble
 * that is expected on the way.
 *
 * It makes no connection; that is the client library's task.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Disconnect } from "../../client/mod.ts";
import type { GatewayProcess } from "../conformance/support/process.ts";

/** The user of a token, and its channels. */
export interface Login {
  readonly user: string;
  readonly channels: readonly string[];
}

export interface Route {
  /** The client's option `random`, for its delays. */
  readonly random: () => number;
  /** The gateway for the next connection. */
  enter(): GatewayProcess;
  /** Requests a token. */
  login(login: Login): Promise<string>;
  /** A token request failed. Throws if that is unexpected. */
  loginFailed(error: Error): void;
  /** The client is ready. */
  arrived(): void;
  /** A connection ended or failed. Throws if that is unexpected. */
  left(disconnect: Disconnect): void;
}

/** The code with which a gateway refuses a token. */
const IDENTIFY_FAILED = 4003;

/** The destinations of a {@linkcode TurningRoute}. */
export interface TurningRouteOptions {
  /** The gateways, each as its last process that listened. */
  readonly gateways: () => readonly GatewayProcess[];
  /** The number of the first one. */
  readonly first: number;
  /** True if a disturbance explains why a gateway does not or did not answer. */
  readonly mayFail: (gateway: GatewayProcess) => boolean;
}

/**
 * Tries gateways in turn, the next one after each failure. Each has its own issuer until it is killed, so a
 * client arrives at the next one with a token that is refused there.
 */
export class TurningRoute implements Route {
  readonly #options: TurningRouteOptions;
  #turn: number;
  #entered: GatewayProcess | undefined;
  /** The gateway that the token is from, or was requested from. */
  #issuer: GatewayProcess | undefined;

  /** A route that starts at the first gateway. */
  constructor(options: TurningRouteOptions) {
    this.#options = options;
    this.#turn = options.first;
  }

  /** Much shorter than in an app, because a gateway may be killed again before waiting clients reconnect. */
  readonly random = (): number => Math.random() / 200;

  enter(): GatewayProcess {
    this.#entered = this.#here;
    return this.#entered;
  }

  login({ user, channels }: Login): Promise<string> {
    this.#issuer = this.#here;
    return this.#issuer.backend.login(user, { channels });
  }

  loginFailed(error: Error): void {
    this.#turn += 1;
    assert.ok(this.#issuer);
    if (!this.#options.mayFail(this.#issuer)) throw error;
  }

  arrived(): void {}

  left({ code, reason }: Disconnect): void {
    assert.ok(this.#entered);
    const isForeign = this.#entered !== this.#issuer;
    if (code !== IDENTIFY_FAILED) this.#turn += 1;
    // If the gateway's close frame crosses a frame of the client, a runtime may lose the code.
    const isExplained = isForeign ||
      code !== IDENTIFY_FAILED && this.#options.mayFail(this.#entered);
    assert.ok(isExplained, `closed with ${code} ${reason}`);
  }

  get #here(): GatewayProcess {
    const gateways = this.#options.gateways();
    const gateway = gateways[this.#turn % gateways.length];
    assert.ok(gateway);
    return gateway;
  }
}
