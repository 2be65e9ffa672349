/**
 * Where the client's tokens come from: the mock issuer, or the person who pastes them.
 *
 * @module
 */

import type { TokenRequest } from "../client/mod.ts";
import { type Login, logIn, loginBodyOf, urlOf } from "./api.ts";
import { claimsOf } from "./claims.ts";
import type { TokenOrigin } from "./snippets.ts";

/** Gives the client its tokens. */
export interface TokenSource {
  /** What the client's `getToken` answers. */
  get(request: TokenRequest): Promise<string>;
  /** Where another program gets the same tokens. */
  readonly origin: TokenOrigin;
}

/** A token with less than this left is not worth connecting with. */
const MIN_LEFT_MS = 1000;

/** Tokens of the mock issuer, for one login. */
export class LoginTokens implements TokenSource {
  readonly #login: Login;
  readonly #renewed: (token: string) => void;
  #token: string;
  #hold: PromiseWithResolvers<void> | undefined;

  /** For `login`, which got `token`; `renewed` is called with each that follows. */
  constructor(login: Login, token: string, renewed: (token: string) => void) {
    this.#login = login;
    this.#token = token;
    this.#renewed = renewed;
  }

  get origin(): TokenOrigin {
    return { url: urlOf("login", this.#login.clientsUrl), body: loginBodyOf(this.#login) };
  }

  async get({ reason, signal }: TokenRequest): Promise<string> {
    if (reason === "start" && isGood(this.#token)) return this.#token;
    if (reason === "expiring") await this.#hold?.promise;
    signal.throwIfAborted();
    this.#token = await logIn(this.#login);
    this.#renewed(this.#token);
    return this.#token;
  }

  /** A token of the same user and channels that expires soon, beside the one there is. */
  short(expiresInS: number): Promise<string> {
    return logIn({ ...this.#login, expiresInS });
  }

  /** Lets no renewal through that is only for the sake of an expiry. */
  hold(): void {
    this.#hold ??= Promise.withResolvers<void>();
  }

  /** Lets renewals through again. */
  release(): void {
    this.#hold?.resolve();
    this.#hold = undefined;
  }
}

/** Tokens that somebody pastes, one after the other. */
export class PastedTokens implements TokenSource {
  readonly #waiting: (reason: TokenRequest["reason"] | undefined) => void;
  #token: string;
  /** Whether the client has not been given the token yet. */
  #isNew = true;
  /** Whether the last one is of no use any more. */
  #isWanted = false;
  /** The request that waits; the client gives one up after a while, and makes another. */
  #next: PromiseWithResolvers<string> | undefined;

  /** Has the first; `waiting` is called with why another is needed, and with nothing when it is there. */
  constructor(token: string, waiting: (reason: TokenRequest["reason"] | undefined) => void) {
    this.#token = token;
    this.#waiting = waiting;
  }

  get origin(): TokenOrigin {
    return { token: this.#token };
  }

  get({ reason, signal }: TokenRequest): Promise<string> {
    if (reason === "start" || this.#isNew) {
      this.#isNew = false;
      return Promise.resolve(this.#token);
    }
    this.#isWanted = true;
    this.#waiting(reason);
    const next = this.#next = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => {
      next.reject(signal.reason);
      if (this.#next === next) this.#next = undefined;
    }, { once: true });
    return next.promise;
  }

  /** Takes another token; false if none is needed. */
  offer(token: string): boolean {
    if (!this.#isWanted) return false;
    this.#isWanted = false;
    this.#token = token;
    this.#isNew = this.#next === undefined;
    this.#next?.resolve(token);
    this.#next = undefined;
    this.#waiting(undefined);
    return true;
  }
}

function isGood(token: string): boolean {
  const { expiresAt } = claimsOf(token);
  return expiresAt === undefined || expiresAt - Date.now() > MIN_LEFT_MS;
}
