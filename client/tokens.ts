/**
 * Gets the user's token from the app: when there is none, when the gateway refused it, and before it expires.
 * One request at a time.
 *
 * @module
 */

import { Backoff } from "./backoff.ts";
import { lifetimeOf } from "./jwt.ts";
import { toError } from "./realm.ts";
import type { ClientClock, ClientTimer, GatewayClientOptions, TokenRequest } from "./types.ts";

/** The limit for the app's answer, after which it is asked again. */
const TIMEOUT_MS = 30_000;

export interface TokensDeps {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly getToken: GatewayClientOptions["getToken"];
  /** True if a token is in use; if not, it is renewed only when it is asked for. */
  readonly needed: () => boolean;
  /** Called with each new token. */
  readonly obtained: () => void;
  /** Called when the app returns `null`. */
  readonly loggedOut: () => void;
  readonly failed: (error: Error) => void;
}

export class Tokens {
  /** The last token, valid or not. */
  current: string | undefined;
  readonly #deps: TokensDeps;
  readonly #backoff: Backoff;
  #reason: TokenRequest["reason"] = "start";
  #renewAt = Infinity;
  #expiresAt = Infinity;
  /** Ends the wait for the app, or until the next request. */
  #timer: ClientTimer | undefined;
  /** The app is being asked. */
  #request: AbortController | undefined;

  constructor(deps: TokensDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.random);
  }

  /**
   * Returns a token to connect with, also one that is being renewed; `undefined` if there is none, and then
   * calls `obtained`, `loggedOut` or `failed`.
   */
  get(): string | undefined {
    const now = this.#deps.clock.steady();
    if (this.current === undefined || now >= this.#renewAt) this.#start();
    else if (this.#request === undefined) this.#renewIn(this.#renewAt - now);
    return now < this.#expiresAt ? this.current : undefined;
  }

  /** Drops the token, and one that was requested before the refusal. */
  refused(): void {
    this.current = undefined;
    this.#reason = "refused";
    this.stop();
  }

  /** Aborts the request and cancels the renewal. */
  stop(): void {
    this.#timer?.cancel();
    const request = this.#request;
    this.#request = undefined;
    request?.abort();
  }

  #start(): void {
    if (this.#request !== undefined) return;
    const request = new AbortController();
    this.#request = request;
    this.#arm(TIMEOUT_MS, () => {
      this.#failed(new Error(`getToken: no token within ${TIMEOUT_MS} ms`));
      request.abort();
    });
    const isOver = (): boolean => this.#request !== request;
    this.#getToken({ reason: this.#reason, signal: request.signal }).then(
      (token) => isOver() || this.#obtained(token),
      (error: unknown) => isOver() || this.#failed(toError(error)),
    );
  }

  async #getToken(request: TokenRequest): Promise<string | null> {
    const token: unknown = await this.#deps.getToken(request);
    if (token === null || typeof token === "string" && token !== "") return token;
    const got = token === "" ? "an empty one" : typeof token;
    throw new TypeError(`getToken: expected the text of a token, got ${got}`);
  }

  #obtained(token: string | null): void {
    this.#request = undefined;
    const { clock, loggedOut, obtained } = this.#deps;
    if (token === null) return loggedOut();
    this.#backoff.reset();
    this.current = token;
    this.#reason = "expiring";
    const { renewInMs, expiresInMs } = lifetimeOf(token, clock.now());
    const now = clock.steady();
    this.#expiresAt = now + expiresInMs;
    this.#renewAt = now + renewInMs;
    this.#renewIn(renewInMs);
    obtained();
  }

  #failed(error: Error): void {
    this.#request = undefined;
    this.#renewIn(this.#backoff.next());
    this.#deps.failed(error);
  }

  #renewIn(ms: number): void {
    this.#arm(ms, () => {
      if (this.#deps.needed()) this.#start();
    });
  }

  /** Sets the one timer; none for `Infinity`. */
  #arm(ms: number, callback: () => void): void {
    this.#timer?.cancel();
    if (ms < Infinity) this.#timer = this.#deps.clock.setTimer(ms, callback);
  }
}
