/**
 * The limits of connections, sessions and listeners that follow from the options, or from their defaults.
 *
 * @module
 */

import type { AdmissionOptions } from "../admission.ts";
import { RATE_LIMIT } from "../protocol/mod.ts";
import type { ConnectionOptions } from "../session/connection_context.ts";
import type { OptionValues } from "./options.ts";
import { type Config, DEFAULTS } from "./parse.ts";

/**
 * Tells intervals at which clients that acknowledge each heartbeat and, as the protocol recommends, send one
 * of their own as often, exceed the rate limit (4008).
 */
export function heartbeatsExceedLimit(heartbeatIntervalMs: number): boolean {
  const { rateLimitFrames, rateLimitWindowMs } = RATE_LIMIT;
  return 2 * rateLimitWindowMs / heartbeatIntervalMs > rateLimitFrames;
}

/** The limits of each session; those of a gateway without options unless given. */
export function sessionOptions(
  values: Pick<OptionValues, Exclude<keyof ConnectionOptions, keyof typeof RATE_LIMIT>> = DEFAULTS,
): ConnectionOptions {
  return {
    ...RATE_LIMIT,
    heartbeatIntervalMs: values.heartbeatIntervalMs,
    identifyTimeoutMs: values.identifyTimeoutMs,
    verifyTimeoutMs: values.verifyTimeoutMs,
    closeGraceMs: values.closeGraceMs,
    maxFrameBytes: values.maxFrameBytes,
    maxBufferedBytes: values.maxBufferedBytes,
  };
}

/** The limits on connections; those of a gateway without options unless given. */
export function admissionOptions(
  values: Pick<OptionValues, keyof AdmissionOptions> = DEFAULTS,
): AdmissionOptions {
  const { maxConnections, maxConnectionsPerIp, maxUnidentified } = values;
  const { maxConnectionsPerUser, connectRatePerIp, connectBurstPerIp } = values;
  return {
    ...{ maxConnections, maxConnectionsPerIp, maxUnidentified },
    ...{ maxConnectionsPerUser, connectRatePerIp, connectBurstPerIp },
  };
}

/** Longest head of a request to a port for clients alone. */
const MAX_HEADER_BYTES = 16 * 1024;
/**
 * The same for the API: 1,000 names of 50 bytes in one URL. The `deno` transport accepts as much. A slow head
 * takes 80 KB of memory then, and 30 KB with the limit for clients.
 */
const MAX_API_HEADER_BYTES = 64 * 1024;

/** The options of a listener, but for its address. */
export interface ListenOptions extends Pick<Config, "tls" | "trustedProxies" | "maxFrameBytes"> {
  readonly limits: Pick<AdmissionOptions, "maxConnections" | "maxConnectionsPerIp">;
  readonly maxHeaderBytes: number;
}

/** The options of each listener. */
export function listenOptions(config: Config): ListenOptions {
  const { tls, trustedProxies, maxFrameBytes, maxConnections, maxConnectionsPerIp } = config;
  return {
    ...{ tls, trustedProxies, maxFrameBytes, limits: { maxConnections, maxConnectionsPerIp } },
    maxHeaderBytes: config.api === undefined ? MAX_API_HEADER_BYTES : MAX_HEADER_BYTES,
  };
}
