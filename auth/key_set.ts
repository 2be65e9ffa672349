/**
 * The key set of a login issuer (JWKS, RFC 7517): fetched on demand, cached, and refreshed.
 *
 * Decides when to ask the issuer and what to use while it does not answer. The verifier judges tokens.
 *
 * @module
 */

import { createLocalJWKSet, errors, type JWK, type LocalJWKSet } from "jose";
import { OperationalError } from "../gateway/errors.ts";
import type { Clock, Logger } from "../gateway/ports.ts";
import { redactUrl, redactUrls } from "../gateway/redact_url.ts";
import { delay, toError } from "../gateway/util.ts";
import type { KeySource, TokenHeader } from "./verifier.ts";

/** From this age on, a use refreshes the set in the background. */
const REFRESH_AGE_MS = 600_000;
/** From this age on, a use waits for the refresh: a key may have been revoked. */
const DISTRUST_AGE_MS = 3_600_000;
/** Least time between two refreshes. */
const REFRESH_COOLDOWN_MS = 30_000;
/**
 * Least time between two fetches for unknown keys. Anyone can invent a `kid`, so this bounds the load on the
 * issuer: 12 requests a minute. A token in between waits for the next fetch, so this must stay well below the
 * 10 s that verifying may take.
 */
const UNKNOWN_KEY_COOLDOWN_MS = 5_000;
/** Least time between two fetches while there is no set at all. */
const FIRST_COOLDOWN_MS = 1_000;
/** Timeout of a fetch, body included. */
const FETCH_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 262_144;
/** RFC 7518, sections 3.3 and 3.5; `jose` requires it. */
const MIN_RSA_BITS = 2048;

/** The part of the global `fetch` that a key set uses. */
export type Fetch = (request: Request) => Promise<Response>;

export interface KeySetOptions {
  readonly url: URL;
  /** The global `fetch` in production. */
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Least time between two fetches for unknown keys; 5 s if not given. 0 for an issuer in this process.
   */
  readonly unknownKeyCooldownMs?: number;
}

/**
 * The keys of one issuer. A token with an unknown key causes a fetch, so keys rotate without a restart; a cached
 * set stays in use while the issuer is down.
 */
export class KeySet implements KeySource {
  /**
   * Signatures only: the key of an HMAC would be public. ES512 needs a runtime with the curve P-521: Deno 2.4
   * rejects every such signature.
   */
  readonly algorithms: readonly string[] = [
    ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
  ];

  readonly #options: KeySetOptions;
  #keys: LocalJWKSet | undefined;
  /** The answer that {@linkcode #keys} was parsed from. */
  #text = "";
  #fetchedAtMs = 0;
  /** Earliest time of the next fetch, by reason. */
  readonly #notBeforeMs = { first: 0, refresh: 0, unknownKey: 0 };
  #pending: Promise<void> | undefined;
  /** The scheduled fetch for unknown keys, until it begins. */
  #due: Promise<void> | undefined;
  /** Numbers of the last fetch that started, and of the last that ended. */
  #started = 0;
  #ended = 0;
  /** The error of the last fetch; `undefined` if it succeeded. */
  #failure: unknown;
  #unusableKeyLogged = false;

  /**
   * @throws {OperationalError} `bad_configuration` for a URL that is neither http nor https, or has a
   * password, which would appear in errors and logs
   */
  constructor(options: KeySetOptions) {
    const { protocol, username, password } = options.url;
    if (!["http:", "https:"].includes(protocol) || username + password !== "") {
      throw new OperationalError(
        "bad_configuration",
        "the JWKS URL must begin with https:// or http:// and hold no user and password",
      );
    }
    this.#options = options;
  }

  /** Fetches the set before its first use. Never rejects; logs a failure. */
  async prefetch(): Promise<void> {
    if (this.#keys === undefined) await this.#fetchFirst();
  }

  /**
   * Finds the keys that may have signed a token with this header: usually one, none if the issuer does not
   * publish it. Returns none only after a fetch that began after the call, so that other tokens cannot make it
   * refuse a published key. For an unknown key it can take the cooldown and two fetches.
   *
   * @throws {OperationalError} `issuer_unreachable` when there is no set
   */
  async find(header: TokenHeader): Promise<readonly CryptoKey[]> {
    const started = this.#started;
    await (this.#keys === undefined ? this.#fetchFirst() : this.#refreshIfOld());
    const found = await this.#candidates(header);
    if (found.length > 0 || this.#ended > started) return found;
    if (this.#pending !== undefined) {
      await this.#pending;
      const fetched = await this.#candidates(header);
      if (fetched.length > 0 || this.#ended > started) return fetched;
    }
    await this.#fetchWhenDue();
    return await this.#candidates(header);
  }

  async #fetchFirst(): Promise<void> {
    if (this.#pending === undefined && !this.#mayFetch("first", FIRST_COOLDOWN_MS)) return;
    await this.#fetch();
  }

  async #refreshIfOld(): Promise<void> {
    const ageMs = this.#options.clock.steady() - this.#fetchedAtMs;
    if (ageMs < REFRESH_AGE_MS) return;
    if (this.#pending === undefined && !this.#mayFetch("refresh", REFRESH_COOLDOWN_MS)) return;
    const fetched = this.#fetch();
    if (ageMs >= DISTRUST_AGE_MS) await fetched;
  }

  /** Fetches once the cooldown is over. All callers until the fetch begins share it. */
  #fetchWhenDue(): Promise<void> {
    const { clock, unknownKeyCooldownMs = UNKNOWN_KEY_COOLDOWN_MS } = this.#options;
    const waitMs = this.#notBeforeMs.unknownKey - clock.steady();
    this.#due ??= (waitMs > 0 ? delay(clock, waitMs) : Promise.resolve()).then(() => {
      this.#due = undefined;
      this.#notBeforeMs.unknownKey = clock.steady() + unknownKeyCooldownMs;
      return this.#fetch();
    });
    return this.#due;
  }

  /** Returns whether the cooldown for this reason is over, and if so restarts it. */
  #mayFetch(reason: "first" | "refresh", cooldownMs: number): boolean {
    const at = this.#options.clock.steady();
    if (at < this.#notBeforeMs[reason]) return false;
    this.#notBeforeMs[reason] = at + cooldownMs;
    return true;
  }

  async #candidates(header: TokenHeader): Promise<readonly CryptoKey[]> {
    if (this.#keys === undefined) {
      throw new OperationalError("issuer_unreachable", "the issuer's keys cannot be fetched", {
        cause: this.#failure,
      });
    }
    const keys = await this.#import(this.#keys, header);
    return keys.filter(({ algorithm }) =>
      !("modulusLength" in algorithm) || Number(algorithm.modulusLength) >= MIN_RSA_BITS
    );
  }

  async #import(keys: LocalJWKSet, header: TokenHeader): Promise<readonly CryptoKey[]> {
    try {
      return [await keys({ ...header })];
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return [];
      if (error instanceof errors.JWKSMultipleMatchingKeys) {
        // Not Array.fromAsync(): Node 20, which runs the mock gateway, lacks it.
        const matching: CryptoKey[] = [];
        for await (const key of error) matching.push(key);
        return matching;
      }
      // The issuer published an unusable key. Logged once for each set, not for each token.
      if (!this.#unusableKeyLogged) {
        this.#options.log.warn("a key of the issuer cannot be used", { error: toError(error) });
      }
      this.#unusableKeyLogged = true;
      return [];
    }
  }

  /** Fetches the set; concurrent callers share the fetch. Never rejects. */
  #fetch(): Promise<void> {
    if (this.#pending === undefined) {
      const number = ++this.#started;
      this.#pending = this.#load().finally(() => {
        this.#pending = undefined;
        this.#ended = number;
      });
    }
    return this.#pending;
  }

  async #load(): Promise<void> {
    const { log, clock, url } = this.#options;
    try {
      const text = await this.#download();
      // An unchanged set stays, with its imported keys.
      if (this.#keys === undefined || text !== this.#text) {
        this.#keys = createLocalJWKSet(parse(text));
        this.#text = text;
        this.#unusableKeyLogged = false;
      }
      this.#fetchedAtMs = clock.steady();
      if (this.#failure !== undefined) {
        log.info("JWKS fetch recovered", { url: redactUrl(url.href) });
      }
      this.#failure = undefined;
    } catch (caught) {
      const error = redacted(toError(caught));
      // One line for an outage, not for each attempt.
      if (this.#failure === undefined) {
        const cached = this.#keys !== undefined;
        log.warn("the issuer's keys cannot be fetched", {
          url: redactUrl(url.href),
          cached,
          error,
        });
      }
      this.#failure = error;
    }
  }

  async #download(): Promise<string> {
    const { url, fetch, clock } = this.#options;
    const aborter = new AbortController();
    const timer = clock.setTimer(FETCH_TIMEOUT_MS, () => {
      aborter.abort(new Error(`no answer within ${FETCH_TIMEOUT_MS} ms`));
    });
    try {
      const headers = { accept: "application/jwk-set+json, application/json" };
      const request = new Request(url, { headers, redirect: "manual", signal: aborter.signal });
      const response = await fetch(request);
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(
          `the issuer answered with status ${response.status}${redirection(response, url)}`,
        );
      }
      return await readText(response);
    } finally {
      timer.cancel();
    }
  }
}

/**
 * Redirects are not followed: the configuration decides whose keys are trusted, and a redirect could lead from
 * https to http or into the network behind the gateway.
 */
function redirection({ headers }: Response, url: URL): string {
  const location = headers.get("location");
  if (location === null) return "";
  const target = URL.parse(location, url)?.href ?? "nowhere";
  return `, a redirect to ${target} that is not followed; expected the keys at the JWKS URL itself`;
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // An exception in the loop cancels the stream, and with it the download.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new Error(`the issuer's answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Drops keys that are not objects, as RFC 7517 (section 5) requires. */
function parse(text: string): Parameters<typeof createLocalJWKSet>[0] {
  const answer: unknown = JSON.parse(text);
  if (!isObject(answer) || !("keys" in answer) || !Array.isArray(answer.keys)) {
    throw new Error("the issuer's answer is not a key set");
  }
  return { keys: answer.keys.filter(isObject).map(underBothNames) };
}

/**
 * `EdDSA` with this curve and `Ed25519` (RFC 9864) name the same algorithm. Without a name, the key verifies
 * tokens with either.
 */
function underBothNames(jwk: JWK): JWK {
  const { alg, ...key } = jwk;
  return key.crv === "Ed25519" && (alg === "EdDSA" || alg === "Ed25519") ? key : jwk;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Removes the query of the issuer's URL, which the runtime's errors quote. */
function redacted({ message, cause }: Error): Error {
  const options = cause === undefined ? {} : { cause: redacted(toError(cause)) };
  return new Error(redactUrls(message), options);
}
