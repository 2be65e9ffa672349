/**
 * The connection to NATS: made once, kept for the life of the process, and made again by the library
 * whenever it breaks.
 *
 * It knows servers and credentials, and nothing of what is sent.
 *
 * @module
 */

import {
  type Authenticator,
  connect,
  errors,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { OperationalError } from "../errors.ts";
import type { Clock, Logger } from "../ports.ts";
import { type Nats, wrap } from "./connection.ts";

export type { Nats };

/** How the gateway says to NATS who it is. */
export type NatsCredentials =
  | { readonly kind: "user"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** The seed of a user's nkey; it begins with `SU`. */
  | { readonly kind: "nkey"; readonly seed: string };

/** Certificates, as PEM texts. */
export interface NatsTls {
  /** Whom to trust, instead of the system's authorities. */
  readonly ca?: string;
  /** The gateway's own certificate, with its key. */
  readonly cert?: string;
  /** The key of that certificate. */
  readonly key?: string;
}

/** Where NATS is and how to get in. */
export interface NatsOptions {
  /** URLs such as `nats://10.0.0.1:4222`, or `tls://`; the cluster tells of its other servers itself. */
  readonly servers: readonly string[];
  /** Without, the gateway does not say who it is. */
  readonly credentials?: NatsCredentials;
  /** Without, what the servers' URLs ask for. */
  readonly tls?: NatsTls;
}

const CONNECT_TIMEOUT_MS = 2000;
const RETRY_MS = 1000;
/** A server that is silent for two of these is given up for another. */
const PING_INTERVAL_MS = 5000;

/**
 * Connects, and tries until it succeeds: a gateway may be started before its NATS.
 *
 * @throws {OperationalError} `bad_configuration` when NATS refuses the credentials
 */
export async function connectNats(
  options: NatsOptions,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Promise<Nats> {
  const authenticator = authenticatorOf(options.credentials);
  for (let failures = 0;; failures++) {
    try {
      const nats = await connect({
        servers: [...options.servers],
        name: "emagine-gateway",
        timeout: CONNECT_TIMEOUT_MS,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        pingInterval: PING_INTERVAL_MS,
        maxPingOut: 2,
        // A server that is restarted may not know its users yet, and comes to know them.
        ignoreAuthErrorAbort: true,
        ...authenticator === undefined ? {} : { authenticator },
        ...options.tls === undefined ? {} : { tls: { ...options.tls } },
      });
      if (failures > 0) logger.info("NATS can be reached");
      return wrap(nats);
    } catch (cause) {
      if (isRefusal(cause)) {
        throw new OperationalError("bad_configuration", "NATS refuses the credentials", { cause });
      }
      const error = cause instanceof Error ? cause : new Error(String(cause));
      if (failures === 0) logger.warn("NATS cannot be reached; trying until it can", { error });
      else logger.debug("NATS still cannot be reached", { error });
    }
    await new Promise<void>((resolve) => clock.setTimer(RETRY_MS, resolve));
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof errors.AuthorizationError ||
    (error instanceof Error && error.cause instanceof errors.AuthorizationError);
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
      return nkeyAuthenticator(new TextEncoder().encode(credentials.seed));
  }
}
