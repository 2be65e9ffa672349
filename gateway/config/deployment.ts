/**
 * From the options that an operator sets to the numbers that a gateway works by.
 *
 * @module
 */

import type { Config } from "./parse.ts";
import type { GatewayOptions } from "../gateway.ts";
import { RATE_LIMIT } from "../protocol/mod.ts";

/**
 * Whether heartbeats that are this far apart exceed the limit of frames: those of a client that acknowledges
 * each one and, as the protocol recommends, sends one of its own as often. It would be closed with 4008.
 */
export function heartbeatsExceedLimit(heartbeatIntervalMs: number): boolean {
  const { rateLimitFrames, rateLimitWindowMs } = RATE_LIMIT;
  return 2 * rateLimitWindowMs / heartbeatIntervalMs > rateLimitFrames;
}

/** The limits, and what each connection works by. */
export function gatewaySettings(config: Config): Pick<GatewayOptions, "limits" | "connection"> {
  const { maxConnections, maxConnectionsPerIp, maxUnidentified } = config;
  const { connectRatePerIp, connectBurstPerIp } = config;
  return {
    limits: {
      ...{ maxConnections, maxConnectionsPerIp, maxUnidentified },
      ...{ connectRatePerIp, connectBurstPerIp },
    },
    connection: {
      ...RATE_LIMIT,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      identifyTimeoutMs: config.identifyTimeoutMs,
      verifyTimeoutMs: config.verifyTimeoutMs,
      closeGraceMs: config.closeGraceMs,
      maxFrameBytes: config.maxFrameBytes,
      maxBufferedBytes: config.maxBufferedBytes,
    },
  };
}

/** What a listener works by. */
export interface ListenSettings {
  /** What to serve HTTPS with; `undefined` serves HTTP. */
  readonly tls: Config["tls"];
  /** How many proxies stand in front. */
  readonly trustedProxies: number;
  /** Longest WebSocket message that a client may send, in bytes. */
  readonly maxFrameBytes: number;
  /** Most connections in all, and from one address. */
  readonly limits: Pick<GatewayOptions["limits"], "maxConnections" | "maxConnectionsPerIp">;
}

/** The part of the options that is for listening. */
export function listenSettings(config: Config): ListenSettings {
  const { tls, trustedProxies, maxFrameBytes, maxConnections, maxConnectionsPerIp } = config;
  return { tls, trustedProxies, maxFrameBytes, limits: { maxConnections, maxConnectionsPerIp } };
}
