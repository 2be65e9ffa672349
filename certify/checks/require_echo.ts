/**
 * Skips checks of odd heartbeats for a client that gets ordinary ones wrong.
 *
 * @module
 */

import { Skipped } from "../outcome.ts";
import type { Stage } from "../stage.ts";
import type { Connection } from "../wire.ts";

const ORDINARY = 1_700_000_000_001;

export async function requireEcho(stage: Stage, connection: Connection): Promise<void> {
  const { time } = await stage.beat(connection, `{"op":10,"time":${ORDINARY}}`);
  if (time !== ORDINARY) throw new Skipped("judged only if ack-time passes");
}
