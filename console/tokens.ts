/**
 * The sources of the client's tokens: the mock issuer, or a person who pastes them.
 *
 * @module
 */

import type { TokenRequest } from "../client/mod.ts";
import { type Login, logIn, loginBodyOf, urlOf } from "./api.ts";
import { claimsOf } from "./claims.ts";
import type { TokenOrigin } from "./snippets.ts";

export interface TokenSource {
  /** For the client's option `getToken`. */
  get(request: TokenRequest): Promise<string>;
  /** The way in which another program gets the same tokens. */
  readonly origin: TokenOrigin;
}

/** A token that expires sooner is not used to connect. */
const MIN_LEFT_MS = 1000;

/** Tokens of the mock issuer, for one login. */
export class LoginTokens implements TokenSource {
  readonly #login: Login;
  readonly #renewed: (token: string) => void;
  #token: string;
  #hold: PromiseWithResolvers<void> | undefined;

  /** @param renewed called with each token after the first */
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

  /** Gets a second token of the same user that expires soon. */
  short(expiresInS: number): Promise<string> {
    return logIn({ ...this.#login, expiresInS });
  }

  /** Holds back renewals of an expiring token. */
  hold(): void {
    this.#hold ??= Promise.withResolvers<void>();
  }

  /** Allows renewals again. */
  release(): void {
    this.#hold?.resolve();
    this.#hold = undefined;
  }
}

/** Tokens that a person pastes. */
export class PastedTokens implements TokenSource {
  readonly #waiting: (reason: TokenRequest["reason"] | undefined) => void;
  #token: string;
  /** True if the client has not used the token yet. */
  #isNew = true;
  /** True if the last token is no longer valid. */
  #isWanted = false;
  /** The pending request; the client aborts one after a while, and makes another. */
  #next: PromiseWithResolvers<string> | undefined;

  /** @param waiting called with the reason why another token is needed, or `undefined` once it is there */
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

  /** Adds a token; returns false if none is needed. */
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
