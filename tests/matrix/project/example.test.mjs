/** Tests of an app in vitest, on the gateway's time. Its timers are vitest's fake ones. */

import { GatewayClient } from "@emagine/gateway-client";
import { gateway } from "@emagine/gateway-mock/vitest";
import { afterEach, beforeEach, expect, test as base, vi } from "vitest";

const test = base.extend({ gateway });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The app under test. Replace it by yours. */
function startApp({ url, WebSocket, getToken }) {
  const app = { client: new GatewayClient({ url, WebSocket, getToken }), shown: [], asked: [] };
  app.client.on("message", ({ content }) => app.shown.push(content));
  return app;
}

test("my app shows what was said while its connection was lost", async ({ gateway }) => {
  const { wsUrl: url, WebSocket } = gateway;
  const app = startApp({ url, WebSocket, getToken: () => gateway.token({ user: "alice" }) });
  await gateway.settled();
  await gateway.freeze(); // As if the cable were pulled: it is noticed after two heartbeats.
  await gateway.publish({ channel: "general", author: "bob", content: "hello" });
  await gateway.advance(90_000);
  expect(app.client.state).toBe("waiting");
  await gateway.advance(500);
  expect(app.shown).toEqual(["hello"]);
});

test("each test has a gateway of its own, and its time is that of the fake timers", ({ gateway }) => {
  expect(gateway.transcript).toEqual([]);
  expect(gateway.clock.now()).toBe(Date.now());
});
