/**
 * The support of these tests, checked against pages that misbehave, so that it can fail.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { within } from "../conformance/support/wait.ts";
import { assertAccessible } from "./support/axe.ts";
import { browserTest } from "./support/suite.ts";

/** Misbehaviour of a page, and the visitor's name for it. */
const MISBEHAVIOUR: Readonly<Record<string, RegExp>> = {
  "console.error('an error')": /console error: an error/,
  "setTimeout(() => { throw new Error('nobody caught this') })": /error: .*nobody caught this/,
  "fetch('http://192.0.2.1/').catch(() => {})":
    /console error: .*(?:connect-src|Refused to connect)/,
};

/** Runs `script` and waits until the browser has reported its effect. */
async function misbehave(page: Page, script: string): Promise<void> {
  const told = Promise.race([page.waitForEvent("console"), page.waitForEvent("pageerror")]);
  await page.evaluate(`void ${script}`);
  await within(`what the browser says of ${script}`, told);
}

browserTest("a visitor takes note of what a page must not do", async ({ visitor }) => {
  const page = await visitor.open();
  for (const [script, fault] of Object.entries(MISBEHAVIOUR)) {
    await misbehave(page, script);
    assert.throws(() => visitor.check(), fault, script);
    visitor.allow(fault);
    visitor.check();
  }
});

browserTest("a visitor takes note of a request to another host", async ({ visitor }) => {
  await using stranger = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("elsewhere", { headers: { "content-type": "text/html" } }),
  );
  const page = await visitor.open();
  await page.goto(`http://127.0.0.1:${stranger.addr.port}/`);
  assert.throws(() => visitor.check(), /request to another host: http:\/\/127\.0\.0\.1:/);
  visitor.allow(/another host|favicon/);
});

browserTest("assertAccessible() says what is wrong, and where", async ({ visitor }) => {
  const page = await visitor.open();
  await page.evaluate("document.querySelector('main').append(new Image())");
  await assert.rejects(assertAccessible(page), /image-alt \(critical\)[^]*<img>/);
});
