/**
 * The user's token: got from the app when there is none, when the gateway refused it, and before it expires.
 * One request at a time.
 *
 * @module
 */

import { backoffMs } from "./backoff.ts";
import { renewInMs } from "./jwt.ts";
import type { ClientClock, ClientTimer, GatewayClientOptions, TokenRequest } from "./types.ts";

/** How long the app may take; then it is asked again, for a request that hangs is as good as none. */
const PATIENCE_MS = 30_000;

/** What a {@linkcode Tokens} works with. */
export interface TokensParts {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly getToken: GatewayClientOptions["getToken"];
  /** Whether a token is of use now; if not, it is not renewed before it is asked for. */
  readonly needed: () => boolean;
  /** Called when there is a new one. */
  readonly obtained: () => void;
  /** Called when none could be had. */
  readonly failed: (error: Error) => void;
}

/** Has a token, or gets one. */
export class Tokens {
  readonly #parts: TokensParts;
  #token: string | undefined;
  #reason: TokenRequest["reason"] = "start";
  #renewAt = Infinity;
  #timer: ClientTimer | undefined;
  /** Aborts the request that is under way. */
  #asking: AbortController | undefined;
  #failures = 0;
  #stopped = false;

  /** Has none. */
  constructor(parts: TokensParts) {
    this.#parts = parts;
  }

  /** The token that is there, good or not. */
  get current(): string | undefined {
    return this.#token;
  }

  /** A token to connect with; `undefined` if one is being got, which `obtained` or `failed` will tell. */
  take(): string | undefined {
    if (this.#token !== undefined && this.#parts.clock.steady() < this.#renewAt) return this.#token;
    this.#ask();
    return undefined;
  }

  /** The gateway does not take the token. */
  refused(): void {
    this.#token = undefined;
    this.#reason = "refused";
    this.#timer?.cancel();
  }

  /** Nothing more is asked or told. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#asking?.abort();
  }

  #ask(): void {
    if (this.#asking !== undefined) return;
    const asking = new AbortController();
    this.#asking = asking;
    this.#timer?.cancel();
    const over = (): boolean => this.#stopped || this.#asking !== asking;
    this.#timer = this.#parts.clock.setTimer(PATIENCE_MS, () => {
      this.#failed(new Error(`getToken: no token within ${PATIENCE_MS} ms`));
      asking.abort();
    });
    this.#request({ reason: this.#reason, signal: asking.signal }).then(
      (token) => over() || this.#obtained(token),
      (error: unknown) =>
        over() || this.#failed(error instanceof Error ? error : new Error(String(error))),
    );
  }

  async #request(request: TokenRequest): Promise<string> {
    return assertToken(await this.#parts.getToken(request));
  }

  #obtained(token: string): void {
    this.#asking = undefined;
    this.#timer?.cancel();
    const { clock, obtained } = this.#parts;
    this.#failures = 0;
    this.#token = token;
    this.#reason = "expiring";
    const inMs = renewInMs(token, clock.now());
    this.#renewAt = inMs === undefined ? Infinity : clock.steady() + inMs;
    if (inMs !== undefined) this.#renewIn(inMs);
    obtained();
  }

  #failed(error: Error): void {
    this.#asking = undefined;
    const { random, failed } = this.#parts;
    this.#renewIn(backoffMs(this.#failures, random));
    this.#failures += 1;
    failed(error);
  }

  #renewIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.setTimer(ms, () => {
      if (this.#parts.needed()) this.#ask();
    });
  }
}

function assertToken(token: unknown): string {
  if (typeof token === "string" && token !== "") return token;
  const got = token === "" ? "an empty one" : token === null ? "null" : `${typeof token}`;
  throw new TypeError(`getToken: expected the text of a token, got ${got}`);
}
