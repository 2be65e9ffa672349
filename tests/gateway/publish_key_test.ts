/**
 * The guard of the backend's routes: which key a request has.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createGuard } from "../../gateway/http/publish_key.ts";

Deno.test("createGuard() reports the use of another key than the first, and of no wrong one", () => {
  let uses = 0;
  const guard = createGuard(["new", "old"], () => uses++);
  const seen = ["new", "old", "ol", "oldd", "Old", "", "new", "old"].map((key) => {
    const headers = { authorization: `Bearer ${key}` };
    const refused = guard(new Request("http://gateway.test/messages", { headers }));
    return [key, refused?.status, uses];
  });
  assert.deepEqual(seen, [
    ["new", undefined, 0],
    ["old", undefined, 1],
    ["ol", 401, 1],
    ["oldd", 401, 1],
    ["Old", 401, 1],
    ["", 401, 1],
    ["new", undefined, 1],
    ["old", undefined, 2],
  ]);
});
