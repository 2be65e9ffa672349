/**
 * From the options that an operator sets to the numbers that a gateway works by.
 *
 * @module
 */

import type { Config } from "./config.ts";
import type { GatewayOptions } from "./gateway.ts";
import { RATE_LIMIT } from "./protocol/mod.ts";

/** The limits, and what each connection works by. */
export function gatewaySettings(config: Config): Pick<GatewayOptions, "limits" | "connection"> {
  const { maxConnections, maxConnectionsPerIp, maxUnidentified } = config;
  return {
    limits: { maxConnections, maxConnectionsPerIp, maxUnidentified },
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
