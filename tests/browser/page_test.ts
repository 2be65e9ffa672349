/**
 * The console's page in a browser: it loads, its policy allows its own WebSocket and nothing else, and no other
 * page can frame it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { within } from "../conformance/support/wait.ts";
import { browserTest } from "./support/suite.ts";

browserTest(
  "the console loads without errors, and without a request to another host",
  async ({ visitor }) => {
    const page = await visitor.open();
    assert.match(await page.title(), /E-Magine Gateway/);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await visitor.shoot(page, "page");
  },
);

browserTest(
  "the page's policy lets its own WebSocket through, and no script from elsewhere",
  async ({ gateway, visitor }) => {
    const page = await visitor.open();
    const token = await gateway.backend.login("alice", {});
    const frame = await page.evaluate(
      `new Promise((resolve, reject) => {
      const socket = new WebSocket(location.origin.replace("http", "ws") + "/gateway");
      socket.onopen = () => socket.send(JSON.stringify({ op: 1, token: ${JSON.stringify(token)} }));
      socket.onmessage = ({ data }) => JSON.parse(data).op === 2 && resolve(data);
      socket.onclose = ({ code }) => reject(new Error("closed with " + code));
    })`,
    );
    assert.equal(JSON.parse(String(frame)).user, "alice");
    visitor.allow(/Content Security Policy/);
    const refused = await page.evaluate(
      `new Promise((resolve) => {
      addEventListener("securitypolicyviolation", ({ effectiveDirective }) => resolve(effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "document.title = 'taken over'";
      document.head.append(script);
    })`,
    );
    assert.equal(refused, "script-src-elem");
    assert.doesNotMatch(await page.title(), /taken over/);
  },
);

browserTest("no other page has the console in a frame", async ({ gateway, visitor }) => {
  const html = `<iframe src="${gateway.url}/"></iframe>`;
  await using stranger = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(html, { headers: { "content-type": "text/html" } }),
  );
  const page = await visitor.open();
  visitor.allow(/request to another host/);
  visitor.allow(/frame-ancestors/);
  const refused = page.waitForEvent("console", (message) => /frame-ancestors/.test(message.text()));
  await page.goto(`http://127.0.0.1:${stranger.addr.port}/`);
  await within("the frame to be refused", refused);
});
