/**
 * The address under which a client is counted.
 *
 * @module
 */

import assert from "node:assert/strict";
import { clientAddress } from "../../gateway/runtime/transport.ts";

function addressOf(forwarded: string | undefined, trustedProxies: number): string {
  return clientAddress(forwarded, "10.0.0.1", trustedProxies);
}

Deno.test("clientAddress() is the peer's own, whatever it says, where no proxy is trusted", () => {
  assert.equal(addressOf("1.1.1.1", 0), "10.0.0.1");
});

Deno.test("clientAddress() is what the outermost trusted proxy saw", () => {
  assert.equal(addressOf("6.6.6.6, 1.1.1.1", 1), "1.1.1.1");
  assert.equal(addressOf("6.6.6.6, 1.1.1.1, 10.0.0.2", 2), "1.1.1.1");
});

Deno.test("clientAddress() is the peer's own when a proxy said nothing", () => {
  assert.equal(addressOf(undefined, 1), "10.0.0.1");
  assert.equal(addressOf("", 1), "10.0.0.1");
  assert.equal(addressOf("1.1.1.1", 2), "10.0.0.1");
});

Deno.test("clientAddress() leaves out the port that a proxy adds", () => {
  assert.equal(addressOf("1.1.1.1:5555", 1), "1.1.1.1");
  assert.equal(addressOf("[2001:db8::1]:5555", 1), "2001:db8::1");
  assert.equal(addressOf("[2001:db8::1]", 1), "2001:db8::1");
  assert.equal(addressOf("2001:db8::1", 1), "2001:db8::1");
});
