/**
 * Draws the configuration of a world.
 *
 * @module
 */

import type { AdmissionOptions } from "../gateway/admission.ts";
import { sessionOptions } from "../gateway/config/session_options.ts";
import type { ConnectionOptions } from "../gateway/session/connection_context.ts";
import type { DiskOptions } from "./disk.ts";
import type { Fault } from "./faults.ts";
import type { Random } from "../mock/chaos/random.ts";

const HOUR_MS = 60 * 60_000;

/** Configuration of a world's gateways and log. */
export interface Shape {
  readonly connection: ConnectionOptions;
  readonly retention: DiskOptions;
  readonly limits: AdmissionOptions;
}

/** Draws a configuration; `allows` tells which faults are on. */
export function shapeOf(random: Random, allows: (fault: Fault) => boolean): Shape {
  const heartbeatIntervalMs = random.pick([45_000, 45_000, 45_000, 30_000, 60_000]);
  const connection: ConnectionOptions = {
    ...sessionOptions(),
    heartbeatIntervalMs,
    closeGraceMs: random.pick([1000, 5000]),
    maxBufferedBytes: random.pick([72 * 1024, 128 * 1024, 384 * 1024]),
  };
  const retentionMs = random.pick([1, 3, 24]) * HOUR_MS;
  const retentionRows = random.pick([300, 2000, 100_000]);
  const maxConnectionsPerIp = random.pick([3, 3, 100]);
  // Two clients at most have the same user.
  const maxConnectionsPerUser = random.pick([0, 2, 2]);
  return {
    connection,
    retention: allows("retention")
      ? { retentionMs, retentionRows }
      : { retentionMs: 10_000 * HOUR_MS, retentionRows: 1e9 },
    limits: {
      maxConnections: 10_000,
      maxUnidentified: 10_000,
      maxConnectionsPerUser: allows("crowding") ? maxConnectionsPerUser : 0,
      maxConnectionsPerIp: allows("crowding") ? maxConnectionsPerIp : 10_000,
      ...{ connectRatePerIp: 1e9, connectBurstPerIp: 1e9 },
    },
  };
}
