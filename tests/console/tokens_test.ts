/**
 * Pasted tokens. Those of the mock issuer are tested in a browser.
 *
 * @module
 */

import assert from "node:assert/strict";
import { PastedTokens } from "../../console/tokens.ts";

Deno.test("PastedTokens gives its token once, then waits for another, and says so", async () => {
  const told: (string | undefined)[] = [];
  const tokens = new PastedTokens("first", (reason) => told.push(reason));
  const { signal } = new AbortController();
  assert.equal(await tokens.get({ reason: "start", signal }), "first");
  assert.equal(tokens.offer("too early"), false);
  const next = tokens.get({ reason: "refused", signal });
  assert.deepEqual(told, ["refused"]);
  assert.equal(tokens.offer("second"), true);
  assert.equal(await next, "second");
  assert.deepEqual(told, ["refused", undefined]);
});

Deno.test("PastedTokens keeps what is pasted between two requests for the second", async () => {
  const tokens = new PastedTokens("first", () => {});
  const { signal } = new AbortController();
  await tokens.get({ reason: "start", signal });
  const abort = new AbortController();
  const first = tokens.get({ reason: "refused", signal: abort.signal });
  abort.abort(new Error("it took too long"));
  await assert.rejects(first, /too long/);
  assert.equal(tokens.offer("second"), true);
  assert.equal(await tokens.get({ reason: "refused", signal }), "second");
  const third = tokens.get({ reason: "refused", signal });
  assert.equal(tokens.offer("third"), true);
  assert.equal(await third, "third");
});

Deno.test("PastedTokens gives up waiting when the client is closed", async () => {
  const tokens = new PastedTokens("first", () => {});
  const abort = new AbortController();
  await tokens.get({ reason: "start", signal: abort.signal });
  const next = tokens.get({ reason: "expiring", signal: abort.signal });
  abort.abort(new Error("closed"));
  await assert.rejects(next, /closed/);
});
