/**
 * A scripted `fetch`, and a verifier for the mock issuer.
 *
 * @module
 */

import { createVerifier, type Fetch, KeySet, type VerifierOptions } from "../../auth/mod.ts";
import type { TokenVerifier } from "../../gateway/ports.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { MockIssuer } from "../../mock/issuer.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

/** A `fetch` that counts, with answers that the test sets. */
export class ScriptedFetch {
  readonly requests: Request[] = [];
  /** The answer of the next requests. */
  answer: Fetch;

  constructor(answer: Fetch) {
    this.answer = answer;
  }

  get count(): number {
    return this.requests.length;
  }

  readonly fetch: Fetch = (request) => {
    this.requests.push(request);
    return this.answer(request);
  };
}

export function down(_request: Request): Promise<Response> {
  return Promise.reject(new TypeError("connection refused"));
}

/** Never answers; rejects when the request is aborted, as the global `fetch` does. */
export function hanging({ signal }: Request): Promise<Response> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

export function saying(text: string, status = 200): Fetch {
  return () => Promise.resolve(new Response(text, { status }));
}

/** A mock issuer and the options of a gateway that verifies its tokens. */
export interface World {
  readonly clock: FakeClock;
  readonly log: FakeLogger;
  readonly issuer: MockIssuer;
  readonly network: ScriptedFetch;
  readonly keys: KeySet;
  readonly verifier: TokenVerifier;
}

/** A new world; `options` go to the verifier. */
export async function world(options: Partial<VerifierOptions> = {}): Promise<World> {
  const clock = new FakeClock();
  const log = new FakeLogger();
  const issuer = await MockIssuer.create({ clock, ids: new FakeIds("key") });
  const network = new ScriptedFetch(issuer.fetch);
  const keys = new KeySet({ url: issuer.jwksUrl, fetch: network.fetch, clock, log });
  const { issuer: iss, audience: aud } = issuer;
  const verifier = createVerifier(keys, { clock, issuer: iss, audience: aud, ...options });
  return { clock, log, issuer, network, keys, verifier };
}
