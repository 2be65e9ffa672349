/**
 * How one client of the crash harness finds a gateway, connection by connection, gets a token there, and
 * which trouble it may have on the way.
 *
 * It makes no connection; that is the client library's work.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Disconnect } from "../../client/mod.ts";
import type { GatewayProcess } from "../conformance/support/process.ts";

/** Whose token, and for what. */
export interface Login {
  readonly user: string;
  readonly channels: readonly string[];
}

/** A client's way in. */
export interface Route {
  /** For the delays of the client, as its option `random`. */
  readonly random: () => number;
  /** The gateway that the next connection goes to. */
  enter(): GatewayProcess;
  /** Gets a token. */
  login(login: Login): Promise<string>;
  /** Getting a token failed. Throws if nothing explains it. */
  loginFailed(error: Error): void;
  /** The client is ready. */
  arrived(): void;
  /** A connection ended, or was none. Throws if nothing explains it. */
  left(disconnect: Disconnect): void;
}

/** With which a gateway refuses a token. */
const IDENTIFY_FAILED = 4003;

/** Where a {@linkcode TurningRoute} leads. */
export interface TurningRouteOptions {
  /** The gateways, each as the process that was the last to listen there. */
  readonly gateways: () => readonly GatewayProcess[];
  /** The number of the one to begin with. */
  readonly first: number;
  /** Whether what was done to a gateway explains that it does not answer, or did not. */
  readonly mayFail: (gateway: GatewayProcess) => boolean;
}

/**
 * To one gateway after the other, the next one whenever one fails. Each has an issuer of its own, as long as
 * it lives, so that a client comes to the next one with a token that is refused there.
 */
export class TurningRoute implements Route {
  readonly #options: TurningRouteOptions;
  #turn: number;
  #entered: GatewayProcess | undefined;
  /** Where the token is from, or was to be from. */
  #issuer: GatewayProcess | undefined;

  /** A way that begins at the first gateway. */
  constructor(options: TurningRouteOptions) {
    this.#options = options;
    this.#turn = options.first;
  }

  /** Much shorter than in an app, because a gateway may be killed again before those come back who wait. */
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
    // Where the gateway's close frame crosses one of the client's frames, a runtime may lose the code.
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
