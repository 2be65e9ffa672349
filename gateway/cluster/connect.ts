/**
 * Connects to NATS, once for the life of the process; the library reconnects.
 *
 * Knows servers and credentials, not subjects.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import {
  type Authenticator,
  type NatsConnection,
  NatsConnectionImpl,
  nkeyAuthenticator,
  nkeys,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { OperationalError } from "../errors.ts";
import type { Clock, Logger } from "../ports.ts";
import { delay, toError } from "../util.ts";
import { faultOf, wantsTls } from "./faults.ts";
import type { NatsCredentials, NatsOptions, NatsTls } from "./nats_options.ts";
import { Attempt, type ObservedOptions, useOwnTransport } from "./transport.ts";

export type { NatsConnection as Nats } from "@nats-io/transport-node";
export type { NatsCredentials, NatsOptions };

export interface ConnectDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

const CONNECT_TIMEOUT_MS = 2000;
const RETRY_MS = 1000;
/** After two unanswered pings the library connects to another server. */
const PING_INTERVAL_MS = 5000;

/**
 * Retries until it succeeds: a gateway may start before its NATS.
 *
 * @throws {OperationalError} `bad_configuration` when a retry does not help: NATS refuses the credentials or the
 * certificate, or has an untrusted one; the message names the option
 */
export async function connectNats(
  options: NatsOptions,
  deps: ConnectDeps,
): Promise<NatsConnection> {
  const { clock, logger } = deps;
  const connection = observed(options);
  const { attempt } = connection;
  useOwnTransport();
  for (let failures = 0;; failures++) {
    try {
      const nats = await NatsConnectionImpl.connect(connection);
      if (failures > 0) logger.info("NATS can be reached");
      void logFaults(nats, { attempt, options, logger });
      return nats;
    } catch (cause) {
      const fault = faultOf(cause, { attempt, options });
      if (fault !== undefined) throw new OperationalError("bad_configuration", fault, { cause });
      const error = toError(cause);
      if (failures === 0) logger.warn("NATS cannot be reached; trying until it can", { error });
      else logger.debug("NATS still cannot be reached", { error });
    }
    await delay(clock, RETRY_MS);
  }
}

function observed(options: NatsOptions): ObservedOptions {
  const { servers, credentials, tls } = options;
  const authenticator = authenticatorOf(credentials);
  checkPair(tls);
  return {
    servers: [...servers],
    name: "emagine-gateway",
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    // A restarted server may not have its users yet.
    ignoreAuthErrorAbort: true,
    attempt: new Attempt(),
    ...authenticator === undefined ? {} : { authenticator },
    // The library ignores the scheme of a URL.
    ...wantsTls(options) ? { tls: { ...tls } } : {},
  };
}

/** Logs once why a lost connection cannot be restored; the library only retries. */
async function logFaults(
  nats: NatsConnection,
  { attempt, options, logger }: {
    readonly attempt: Attempt;
    readonly options: NatsOptions;
    readonly logger: Logger;
  },
): Promise<void> {
  let logged: string | undefined;
  const log = (error: unknown): void => {
    const fault = faultOf(error, { attempt, options });
    if (fault === undefined || fault === logged) return;
    logged = fault;
    logger.error("NATS cannot be reached again; trying until it can", { fault });
  };
  attempt.failed = log;
  for await (const status of nats.status()) {
    if (status.type === "error") log(status.error);
    if (status.type === "reconnect") logged = undefined;
  }
}

/** Names the options if certificate and key do not match, which the runtime's error does not. */
function checkPair({ cert, key }: NatsTls = {}): void {
  if (cert === undefined || key === undefined) return;
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return;
  } catch (cause) {
    const message = "GATEWAY_NATS_TLS_CERT or GATEWAY_NATS_TLS_KEY cannot be read as PEM";
    throw new OperationalError("bad_configuration", message, { cause });
  }
  const message = "GATEWAY_NATS_TLS_KEY is not the key of GATEWAY_NATS_TLS_CERT";
  throw new OperationalError("bad_configuration", message);
}

function authenticatorOf(credentials: NatsCredentials | undefined): Authenticator | undefined {
  switch (credentials?.kind) {
    case undefined:
      return undefined;
    case "user":
      return usernamePasswordAuthenticator(credentials.user, credentials.password);
    case "token":
      return tokenAuthenticator(credentials.token);
    case "nkey":
      return nkeyAuthenticator(checkedSeed(credentials.seed));
  }
}

/** The library would detect a bad seed only when a server asks for a signature. */
function checkedSeed(seed: string): Uint8Array {
  const bytes = new TextEncoder().encode(seed);
  try {
    nkeys.fromSeed(bytes);
  } catch (cause) {
    const message = "GATEWAY_NATS_NKEY_SEED is no seed of a user's nkey";
    throw new OperationalError("bad_configuration", message, { cause });
  }
  return bytes;
}
