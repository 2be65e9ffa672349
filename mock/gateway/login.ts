/**
 * Adapts the mock issuer for `POST /login`. Refuses tokens that do not fit into a frame; tests of such
 * tokens get them from the issuer itself.
 *
 * @module
 */

import type { LoginIssuer } from "../../gateway/http/mod.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import type { MockIssuer } from "../issuer.ts";

/** As long as a message id can be; a client that resumes sends one with its token. */
const ANY_ID = "0".repeat(64);

/** @param maxFrameBytes the gateway's limit on a client's frame */
export function loginIssuer(
  issuer: MockIssuer,
  { maxFrameBytes }: { readonly maxFrameBytes: number },
): LoginIssuer {
  return {
    login: async (request) => {
      const answer = await issuer.login(request);
      if (answer === undefined) return "wrong_password";
      return frameBytes(answer.token) > maxFrameBytes ? "token_too_long" : answer;
    },
    jwks: () => Promise.resolve(issuer.jwks()),
  };
}

/** The length of the Identify frame that resumes with `token`, which is ASCII. */
function frameBytes(token: string): number {
  return JSON.stringify({ op: Op.Identify, token, last_id: ANY_ID }).length;
}
