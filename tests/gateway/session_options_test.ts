/**
 * Heartbeat intervals that leave a client room below the limit of frames.
 *
 * @module
 */

import assert from "node:assert/strict";
import { heartbeatsExceedLimit } from "../../gateway/config/session_options.ts";

Deno.test("heartbeatsExceedLimit() below a second, where an ACK and a heartbeat make 120 a minute", () => {
  assert.deepEqual([10, 500, 999].map(heartbeatsExceedLimit), [true, true, true]);
  assert.deepEqual([1000, 45_000, 3_600_000].map(heartbeatsExceedLimit), [false, false, false]);
});
