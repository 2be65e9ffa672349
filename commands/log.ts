/**
 * The message log that the options describe.
 *
 * @module
 */

import { connectNats, type Nats, type NatsOptions } from "../gateway/cluster/connect.ts";
import { createMemoryLog, openJetStreamLog, openSqliteLog } from "../gateway/log/mod.ts";
import type { CommandLog, MessageLog } from "../gateway/ports.ts";
import type { World } from "./world.ts";

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
    retentionMs: config.retentionHours * 3_600_000,
    retentionBytes: config.retentionBytes,
  });
  return { nats, log };
}

/** The log of one process. */
export async function openOwnLog({ config, clock, ids, logger }: World): Promise<MessageLog> {
  const { retentionBytes } = config;
  const retentionMs = config.retentionHours * 3_600_000;
  if (config.log === "memory") {
    return createMemoryLog({ clock, ids, logger, retentionMs, retentionBytes });
  }
  return await openSqliteLog({
    clock,
    ids,
    logger,
    retentionMs,
    retentionBytes,
    directory: config.dataDir,
    sync: config.logSync,
  });
}
