/**
 * The reason for a skipped test that lacks a permission.
 *
 * @module
 */

import assert from "node:assert/strict";
import { needs, testUnless, variable } from "./permissions.ts";

Deno.test({
  name: "needs() names each permission that is missing, and the task that gives it",
  permissions: "none",
  fn: () => {
    assert.equal(needs(), undefined);
    assert.equal(needs("read"), "needs --allow-read; deno task test gives it");
    assert.equal(needs("net", "run"), "needs --allow-net --allow-run; deno task test gives it");
    assert.equal(variable("PATH"), undefined);
  },
});

testUnless(needs("env", "read"))("needs() has nothing to say of permissions that are given", () => {
  assert.equal(needs("env", "read"), undefined);
  assert.equal(variable("PATH"), Deno.env.get("PATH"));
});
