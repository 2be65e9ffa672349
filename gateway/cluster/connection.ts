/**
 * A connection to NATS as the rest of the project sees it: something to hand on and to close. What the
 * library makes of it is for this folder and for the log.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/transport-node";

const CONNECTIONS = new WeakMap<Nats, NatsConnection>();

/** A connection to NATS, made by `connectNats`. */
export interface Nats {
  /** Ends it. */
  close(): Promise<void>;
}

/** Wraps the library's connection. */
export function wrap(connection: NatsConnection): Nats {
  const nats = { close: () => connection.close() };
  CONNECTIONS.set(nats, connection);
  return nats;
}

/** The library's connection. */
export function unwrap(nats: Nats): NatsConnection {
  const connection = CONNECTIONS.get(nats);
  if (connection === undefined) throw new Error("this is no connection that wrap() made");
  return connection;
}
