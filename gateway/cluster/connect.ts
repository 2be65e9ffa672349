/**
 * The connection to NATS: made once, kept for the life of the process, and made again by the library
 * whenever it breaks.
 *
 * It knows servers and credentials, and nothing of what is sent.
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

/** What connecting works with. */
export interface ConnectDeps {
  /** Waits before it tries again. */
  readonly clock: Clock;
  /** Hears of a NATS that cannot be reached, and of one that can again. */
  readonly logger: Logger;
}

const CONNECT_TIMEOUT_MS = 2000;
const RETRY_MS = 1000;
/** A server that is silent for two of these is given up for another. */
const PING_INTERVAL_MS = 5000;

/**
 * Connects, and tries until it succeeds: a gateway may be started before its NATS.
 *
 * @throws {OperationalError} `bad_configuration` when trying again does not help: NATS refuses the login
 * or the certificate, or has one that is not to be trusted; the message names the option
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
      void sayFaults(nats, { attempt, options, logger });
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
    // A server that is restarted may not know its users yet, and comes to know them.
    ignoreAuthErrorAbort: true,
    attempt: new Attempt(),
    ...authenticator === undefined ? {} : { authenticator },
    // The library does not look at the scheme of a URL.
    ...wantsTls(options) ? { tls: { ...tls } } : {},
  };
}

/** Says once what keeps a connection that was lost from being made again; the library only goes on. */
async function sayFaults(
  nats: NatsConnection,
  { attempt, options, logger }: {
    readonly attempt: Attempt;
    readonly options: NatsOptions;
    readonly logger: Logger;
  },
): Promise<void> {
  let said: string | undefined;
  const say = (error: unknown): void => {
    const fault = faultOf(error, { attempt, options });
    if (fault === undefined || fault === said) return;
    said = fault;
    logger.error("NATS cannot be reached again; trying until it can", { fault });
  };
  attempt.failed = say;
  for await (const status of nats.status()) {
    if (status.type === "error") say(status.error);
    if (status.type === "reconnect") said = undefined;
  }
}

/** A certificate and a key that do not belong together would only be refused in words of the runtime's. */
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

/** The library would find out only when a server asks. */
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
