/**
 * The user's token: got from the app when there is none, when the gateway refused it, and before it expires.
 * One request at a time.
 *
 * @module
 */

import { backoffMs } from "./backoff.ts";
import { lifetimeOf } from "./jwt.ts";
import { toError } from "./realm.ts";
import type { ClientClock, ClientTimer, GatewayClientOptions, TokenRequest } from "./types.ts";

/** How long the app may take; then it is asked again, for a request that hangs is as good as none. */
const PATIENCE_MS = 30_000;

/** What a {@linkcode Tokens} works with. */
export interface TokensDeps {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly getToken: GatewayClientOptions["getToken"];
  /** Whether a token is of use now; if not, it is not renewed before it is asked for. */
  readonly needed: () => boolean;
  /** Called when there is a new one. */
  readonly obtained: () => void;
  /** Called when the app says that the user is logged out. */
  readonly loggedOut: () => void;
  /** Called when none could be had. */
  readonly failed: (error: Error) => void;
}

/** Has a token, or gets one. */
export class Tokens {
  readonly #deps: TokensDeps;
  #token: string | undefined;
  #reason: TokenRequest["reason"] = "start";
  #renewAt = Infinity;
  #expiresAt = Infinity;
  /** For the next token. */
  #renewal: ClientTimer | undefined;
  /** Aborts the request that is under way, and its time that runs out. */
  #asking: { readonly abort: AbortController; readonly patience: ClientTimer } | undefined;
  #failures = 0;
  #stopped = false;

  /** Has none. */
  constructor(parts: TokensDeps) {
    this.#deps = parts;
  }

  /** The token that is there, good or not. */
  get current(): string | undefined {
    return this.#token;
  }

  /**
   * A token to connect with; `undefined` if it has to be got first, which `obtained` or `failed` will tell.
   * One that is to be renewed is good enough meanwhile.
   */
  take(): string | undefined {
    const now = this.#deps.clock.steady();
    if (this.#token === undefined || now >= this.#renewAt) this.#ask();
    return now < this.#expiresAt ? this.#token : undefined;
  }

  /** The gateway does not take the token; neither is one of use that was asked for before. */
  refused(): void {
    this.#token = undefined;
    this.#reason = "refused";
    this.#renewal?.cancel();
    this.#settle()?.abort();
  }

  /** Nothing more is asked or told. */
  stop(): void {
    this.#stopped = true;
    this.#renewal?.cancel();
    this.#settle()?.abort();
  }

  #ask(): void {
    if (this.#asking !== undefined) return;
    this.#renewal?.cancel();
    const abort = new AbortController();
    const patience = this.#deps.clock.setTimer(PATIENCE_MS, () => {
      this.#failed(new Error(`getToken: no token within ${PATIENCE_MS} ms`));
      abort.abort();
    });
    const asking = { abort, patience };
    this.#asking = asking;
    const over = (): boolean => this.#stopped || this.#asking !== asking;
    this.#request({ reason: this.#reason, signal: abort.signal }).then(
      (token) => over() || this.#obtained(token),
      (error: unknown) => over() || this.#failed(toError(error)),
    );
  }

  async #request(request: TokenRequest): Promise<string | null> {
    return assertToken(await this.#deps.getToken(request));
  }

  /** The request that was under way is over. */
  #settle(): AbortController | undefined {
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.patience.cancel();
    return asking?.abort;
  }

  #obtained(token: string | null): void {
    this.#settle();
    const { clock, loggedOut, obtained } = this.#deps;
    if (token === null) return loggedOut();
    this.#failures = 0;
    this.#token = token;
    this.#reason = "expiring";
    const lifetime = lifetimeOf(token, clock.now());
    const now = clock.steady();
    this.#expiresAt = lifetime === undefined ? Infinity : now + lifetime.expiresInMs;
    this.#renewAt = lifetime === undefined ? Infinity : now + lifetime.renewInMs;
    if (lifetime !== undefined) this.#renewIn(lifetime.renewInMs);
    obtained();
  }

  #failed(error: Error): void {
    this.#settle();
    const { random, failed } = this.#deps;
    this.#renewIn(backoffMs(this.#failures, random));
    this.#failures += 1;
    failed(error);
  }

  #renewIn(ms: number): void {
    this.#renewal?.cancel();
    this.#renewal = this.#deps.clock.setTimer(ms, () => {
      if (this.#deps.needed()) this.#ask();
    });
  }
}

function assertToken(token: unknown): string | null {
  if (token === null || typeof token === "string" && token !== "") return token;
  const got = token === "" ? "an empty one" : typeof token;
  throw new TypeError(`getToken: expected the text of a token, got ${got}`);
}
