/**
 * The end of a session: the close reason, and the close grace to the millisecond. The close code of each
 * event and deadline is a row of the transition table, which `exploration_test.ts` checks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Driver, openedSession, START, types } from "./support.ts";

Deno.test("reduce() passes the decoder's reason on to the peer", () => {
  const decoded = { ok: false, code: 4001, reason: "op is missing" } as const;
  assert.deepEqual(openedSession().feed({ type: "frameReceived", decoded }), [
    { type: "close", code: 4001, reason: "op is missing" },
  ]);
});

Deno.test("reduce() terminates a peer that does not answer the close frame at exactly the grace", () => {
  for (const offset of [-1, 0, 1]) {
    const session = new Driver().ready();
    session.feed({ type: "drained" });
    const effects = session.feed({ type: "ticked" }, 2_000 + offset);
    assert.deepEqual(types(effects), offset < 0 ? [] : ["terminate"]);
    assert.equal(session.state.phase, offset < 0 ? "closing" : "closed");
  }
});

Deno.test("reduce() terminates at once when there is no grace", () => {
  const session = new Driver({ closeGraceMs: 0 }).ready({ expiresAt: START + 10 });
  assert.deepEqual(types(session.feed({ type: "ticked" }, 10)), [
    "unsubscribe",
    "close",
    "terminate",
  ]);
  assert.equal(session.state.phase, "closed");
});
