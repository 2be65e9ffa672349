/**
 * Explains connection errors that a retry does not fix, and names the option to change.
 *
 * A server that is down is none of them. No message contains a secret.
 *
 * @module
 */

import { errors } from "@nats-io/transport-node";
import type { NatsOptions } from "./nats_options.ts";
import type { Attempt } from "./transport.ts";

const URL = "GATEWAY_NATS_URL";
const CA = "GATEWAY_NATS_TLS_CA";
const CERT = "GATEWAY_NATS_TLS_CERT";
const KEY = "GATEWAY_NATS_TLS_KEY";
const LOGINS = "GATEWAY_NATS_USER and GATEWAY_NATS_PASSWORD, GATEWAY_NATS_TOKEN or " +
  "GATEWAY_NATS_NKEY_SEED";

const UNTRUSTED: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Explains to the operator why `error` is final; `undefined` if a retry may help. */
export function faultOf(
  error: unknown,
  { attempt, options }: { readonly attempt: Attempt; readonly options: NatsOptions },
): string | undefined {
  return causes(error).map((each) => refusal(each, options) ?? mistrust(each, options))
    .find((fault) => fault !== undefined) ?? certificateRefused(attempt, options);
}

/** `error` and its causes. */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

/** NATS refuses the credentials. */
function refusal(error: Error, { credentials }: NatsOptions): string | undefined {
  // A busy server may also report that authentication timed out.
  if (!(error instanceof errors.AuthorizationError) || !/violation/i.test(error.message)) {
    return undefined;
  }
  switch (credentials?.kind) {
    case undefined:
      return `NATS wants a login: set ${LOGINS}`;
    case "user":
      return "NATS refuses the user of GATEWAY_NATS_USER, or the password of GATEWAY_NATS_PASSWORD";
    case "token":
      return "NATS refuses the token of GATEWAY_NATS_TOKEN";
    case "nkey":
      return "NATS refuses the nkey of GATEWAY_NATS_NKEY_SEED";
  }
}

/** The gateway does not trust the server's certificate, or the server has no TLS. */
function mistrust(error: Error, options: NatsOptions): string | undefined {
  const { servers, tls } = options;
  const { message } = error;
  const code = "code" in error ? error.code : undefined;
  if (/does not support 'tls'|'?tls'? is not available/.test(message)) {
    const byUrl = servers.some(isTlsUrl) ? `tls:// in ${URL}` : undefined;
    return `NATS has no TLS, and ${byUrl ?? (tls?.ca === undefined ? CERT : CA)} asks for it`;
  }
  if (UNTRUSTED.has(String(code)) || /UnknownIssuer|CaUsedAsEndEntity/.test(message)) {
    return tls?.ca === undefined
      ? `NATS's certificate is of an authority that is not known here: name it with ${CA}`
      : `NATS's certificate is not of an authority in ${CA}`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || /NotValidForName/.test(message)) {
    return `NATS's certificate is for another host than the one in ${URL}`;
  }
  if (code === "CERT_HAS_EXPIRED") return "NATS's certificate has expired";
  return undefined;
}

/** NATS refuses the gateway's certificate, which TLS 1.3 reports only after the handshake. */
function certificateRefused(
  { error, wantsCertificate }: Attempt,
  { tls }: NatsOptions,
): string | undefined {
  if (tls?.cert === undefined) {
    return wantsCertificate
      ? `NATS wants a certificate of the gateway: set ${CERT} and ${KEY}`
      : undefined;
  }
  return /fatal alert: (?:\w*Certificate\w*|UnknownCA|AccessDenied)/.test(error?.message ?? "")
    ? `NATS refuses the certificate of ${CERT}`
    : undefined;
}

/** Returns whether the connection must be encrypted, even if the server does not require it. */
export function wantsTls({ servers, tls }: NatsOptions): boolean {
  return tls !== undefined || servers.some(isTlsUrl);
}

function isTlsUrl(url: string): boolean {
  return url.startsWith("tls:");
}
