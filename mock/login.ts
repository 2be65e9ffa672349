/**
 * The mock issuer behind `POST /login`.
 *
 * @module
 */

import type { LoginIssuer } from "../gateway/http.ts";
import type { MockIssuer } from "./issuer.ts";

/** `issuer` as the HTTP interface knows it. */
export function loginIssuer(issuer: MockIssuer): LoginIssuer {
  return {
    login: async (request) => await issuer.login(request) ?? "wrong_password",
    jwks: () => Promise.resolve(issuer.jwks()),
  };
}
