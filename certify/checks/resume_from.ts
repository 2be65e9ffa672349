/**
 * Looks where a client resumes.
 *
 * @module
 */

import type { Stage } from "../stage.ts";
import { expect } from "../outcome.ts";
import type { Connection } from "../wire.ts";

/** Lets the client read message `id`, restarts the connection, and returns the next one. */
export async function expectResumeFrom(
  stage: Stage,
  connection: Connection,
  { id, after }: { readonly id: string; readonly after: string },
): Promise<Connection> {
  await stage.processed(id);
  expect(connection.closedAtMs === undefined, `the client left after ${after}`);
  await stage.close(connection, 1012);
  return await expectNextFrom(stage, connection, { id, after });
}

/** The next connection, whose Identify must have `last_id` `id`. */
export async function expectNextFrom(
  stage: Stage,
  old: Connection,
  { id, after }: { readonly id: string; readonly after: string },
): Promise<Connection> {
  stage.needed.add("resume-message");
  const { connection, identify } = await stage.reconnected(old);
  const lastId = identify["last_id"];
  expect(lastId !== undefined, `after ${after}, Identify has no last_id; expected ${id}`);
  expect(lastId === id, `after ${after}, Identify has last_id ${lastId}; expected ${id}`);
  await stage.until("Ready", () => connection.ready);
  return connection;
}
