/**
 * The message log that the options describe.
 *
 * @module
 */

import { connectNats, type Nats, type NatsOptions } from "../gateway/cluster/connect.ts";
import { createMemoryLog, openJetStreamLog, openSqliteLog } from "../gateway/log/mod.ts";
import type { CommandLog, MessageLog } from "../gateway/ports.ts";
import type { World } from "./world.ts";

const HOUR_MS = 3_600_000;

/** The log of many nodes, and the connection to NATS that it is on. */
export async function openSharedLog(
  { config, clock, ids, logger }: World,
  options: NatsOptions,
): Promise<{ readonly nats: Nats; readonly log: MessageLog & CommandLog }> {
  const nats = await connectNats(options, { clock, logger });
  const log = await openJetStreamLog({
    clock,
    ids,
    logger,
    nats,
    stream: config.natsStream,
    subject: config.natsSubject,
    replicas: config.natsReplicas,
    retentionMs: config.retentionHours * HOUR_MS,
    retentionBytes: config.retentionBytes,
    revocationMs: config.revocationHours * HOUR_MS,
  });
  return { nats, log };
}

/** The log of one process. */
export async function openOwnLog({ config, clock, ids, logger }: World): Promise<MessageLog> {
  const { retentionBytes } = config;
  const retentionMs = config.retentionHours * HOUR_MS;
  const revocationMs = config.revocationHours * HOUR_MS;
  if (config.log === "memory") {
    return createMemoryLog({ clock, ids, logger, retentionMs, retentionBytes, revocationMs });
  }
  return await openSqliteLog({
    clock,
    ids,
    logger,
    retentionMs,
    retentionBytes,
    revocationMs,
    directory: config.dataDir,
    sync: config.logSync,
  });
}
