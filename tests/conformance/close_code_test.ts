/**
 * Close codes that arrive although the client sends a heartbeat every millisecond, from a raw socket and from
 * Debian's python3-websockets. `bench/hostile.ts` closes more of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Client, closings, KINDS } from "./support/closings.ts";
import { noPython } from "./support/python.ts";
import { TRANSPORT } from "./support/process.ts";
import { FORBIDDEN, processTest, skip } from "./support/suite.ts";

/** The number of closings of each kind. */
const COUNT = 64;

const without: Readonly<Record<Client, string | undefined>> = {
  raw: undefined,
  python: FORBIDDEN ?? await noPython(),
};

for (const client of ["raw", "python"] as const) {
  const name = `${COUNT} closings of each kind reach a ${client} client that is sending`;
  const reason = TRANSPORT === "node" ? without[client] : "GATEWAY_TRANSPORT=deno loses some";
  if (reason !== undefined) skip(name, reason);
  else {
    processTest(name, async () => {
      // Each has its own gateway, and mostly waits.
      const seen = await Promise.all(
        KINDS.map(async (kind) => [kind, await closings({ kind, client, count: COUNT })]),
      );
      const expected = KINDS.map((kind) => [kind, { [kind]: COUNT }]);
      assert.deepEqual(seen, expected);
    });
  }
}
