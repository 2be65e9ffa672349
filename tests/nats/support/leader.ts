/**
 * Finds the leader of a stream in a cluster of nats-servers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { connectNats } from "../../../gateway/cluster/connect.ts";
import { SystemClock } from "../../../gateway/runtime/clock.ts";
import { FakeLogger } from "../../../mock/doubles/logger.ts";
import { eventually } from "./nodes.ts";

/** The number of the server that leads `stream`, once every other server has caught up. */
export async function leaderOf(stream: string, servers: readonly string[]): Promise<number> {
  const world = { clock: new SystemClock(), logger: new FakeLogger() };
  const nats = await connectNats({ servers }, world);
  try {
    const manager = await jetstreamManager(nats, { checkAPI: false });
    return await eventually(async () => {
      const { cluster } = await manager.streams.info(stream);
      const { leader, replicas = [] } = cluster ?? {};
      assert.equal(replicas.filter(({ current }) => current).length, servers.length - 1);
      const number = /^n(\d)$/.exec(leader ?? "")?.[1];
      assert.ok(number !== undefined, "it has a leader");
      return Number(number);
    });
  } finally {
    await nats.close();
  }
}
