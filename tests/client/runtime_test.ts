/**
 * What the client takes from the platform: long timers, and the news that somebody is back.
 *
 * @module
 */

import assert from "node:assert/strict";
import { onWake, resolveUrl, systemClock } from "../../client/runtime.ts";

/** Puts `value` in the place of a global for as long as `act` takes. */
function withGlobal(name: string, value: unknown, act: () => void): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    act();
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, before);
  }
}

Deno.test("systemClock sets no timer that the platform would let fire at once for its length", () => {
  const delays: unknown[] = [];
  const setTimeout = (_: unknown, delayMs: unknown): number => delays.push(delayMs);
  withGlobal("setTimeout", setTimeout, () => {
    systemClock.setTimer(2 ** 31, () => {});
    systemClock.setTimer(1000, () => {});
  });
  assert.deepEqual(delays, [2 ** 31 - 1, 1000]);
});

Deno.test("onWake() hears of a page that is looked at again, and not of one that is left", () => {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  let woken = 0;
  withGlobal("document", page, () => {
    const stop = onWake(() => woken++);
    page.dispatchEvent(new Event("visibilitychange"));
    assert.equal(woken, 1);
    page.visibilityState = "hidden";
    page.dispatchEvent(new Event("visibilitychange"));
    globalThis.dispatchEvent(new Event("online"));
    assert.equal(woken, 1);
    page.visibilityState = "visible";
    globalThis.dispatchEvent(new Event("online"));
    globalThis.dispatchEvent(new Event("pageshow"));
    assert.equal(woken, 2);
    // From the cache of pages that were left.
    globalThis.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    assert.equal(woken, 3);
    stop();
    page.dispatchEvent(new Event("visibilitychange"));
    globalThis.dispatchEvent(new Event("online"));
    assert.equal(woken, 3);
  });
});

Deno.test("resolveUrl() is relative to the page where there is one", () => {
  withGlobal("location", { href: "https://chat.example.com/app/index.html" }, () => {
    assert.equal(resolveUrl("/gateway"), "wss://chat.example.com/gateway");
    assert.equal(resolveUrl("gateway"), "wss://chat.example.com/app/gateway");
    assert.equal(resolveUrl("ws://other.example/gateway"), "ws://other.example/gateway");
  });
});
