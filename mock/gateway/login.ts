/**
 * The mock issuer behind `POST /login`.
 *
 * It gives no token that no client could use: one has to fit into a frame. Whoever tests what becomes of
 * tokens that do not takes them from the issuer itself.
 *
 * @module
 */

import type { LoginIssuer } from "../../gateway/http/mod.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import type { MockIssuer } from "../issuer.ts";

/** As long as a message's id can be: a client that comes back sends one with its token. */
const ANY_ID = "0".repeat(64);

/** `issuer` as the HTTP interface knows it, for clients whose frames are not longer than `maxFrameBytes`. */
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

/** The length of the frame with which a client resumes with `token`. A token is ASCII. */
function frameBytes(token: string): number {
  return JSON.stringify({ op: Op.Identify, token, last_id: ANY_ID }).length;
}
