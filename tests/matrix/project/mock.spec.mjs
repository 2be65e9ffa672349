/** The mock gateway in Playwright: a page with the client, whose WebSocket and clock are the gateway's. */

import { createRequire } from "node:module";
import { gateway } from "@emagine/gateway-mock/playwright";
import { expect, test as base } from "@playwright/test";

const test = base.extend({ gateway });
const client = createRequire(import.meta.url).resolve("@emagine/gateway-client")
  .replace(/cjs$/, "js");

/** The app: it shows what it sees, and asks its backend for tokens. */
const APP = `<ul></ul><script type="module">
  import { GatewayClient } from "/client.js";
  const show = (text) => document.querySelector("ul").append(Object.assign(document.createElement("li"), { textContent: text }));
  const client = new GatewayClient({
    url: "/gateway",
    getToken: async ({ reason, signal }) => {
      const response = await fetch("/token?reason=" + reason, { signal });
      return (await response.json()).token;
    },
  });
  client.on("ready", ({ user, resumed }) => show("ready as " + user + ", resumed: " + resumed));
  client.on("disconnect", ({ code, reason }) => show(code + (reason && " " + reason)));
  client.on("message", ({ content }) => show(content));
</script>`;

const HEARTBEAT_MS = 45_000;

/** Opens the app. @returns the reasons for which it asked for tokens, and what it shows */
async function open({ page, gateway }) {
  const asked = [];
  await page.route("http://app.example/**", async (route) => {
    const { pathname, searchParams } = new URL(route.request().url());
    if (pathname === "/client.js") {
      return route.fulfill({ path: client, contentType: "text/javascript" });
    }
    if (pathname !== "/token") return route.fulfill({ body: APP, contentType: "text/html" });
    asked.push(searchParams.get("reason"));
    // As long as a backend may take, for which time has to wait.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return route.fulfill({ json: { token: await gateway.token({ expiresInS: 120 }) } });
  });
  await page.goto("http://app.example/");
  await gateway.settled();
  expect(gateway.connections.map(({ user }) => user)).toEqual(["alice"]);
  return { asked, items: page.locator("li") };
}

test("my app comes back after a silent drop", async ({ page, gateway }) => {
  const { items } = await open({ page, gateway });
  await gateway.drop();
  await gateway.publish({ channel: "general", author: "bob", content: "hello" });
  await gateway.advance(500);
  expect(await items.allTextContents()).toEqual([
    "ready as alice, resumed: undefined",
    "1006",
    "ready as alice, resumed: true",
    "hello",
  ]);
});

test("the clock of a page moves in step", async ({ page, gateway }) => {
  const { asked, items } = await open({ page, gateway });
  await gateway.freeze();
  await gateway.advance(2 * HEARTBEAT_MS + 500);
  expect(await items.allTextContents()).toEqual([
    "ready as alice, resumed: undefined",
    `1006 no answer to a heartbeat within ${HEARTBEAT_MS} ms`,
    "ready as alice, resumed: true",
  ]);
  await gateway.advance(60_000);
  expect(asked).toEqual(["start", "expiring"]);
  expect(gateway.connections.map(({ id }) => id)).toEqual(["c2"]);
  expect(await page.evaluate(() => Date.now())).toBe(gateway.clock.now());
});
