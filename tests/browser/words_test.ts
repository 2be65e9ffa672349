/**
 * The page's text is true, and disappears when it no longer is.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";
import type { Visitor } from "./support/visitor.ts";

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" };

/** Asserts that no line breaks within an option, whatever the width of the screen. */
async function assertOptionsWhole(tab: ConsolePage, option: string): Promise<void> {
  const shown = tab.page.locator(".option:visible").filter({ hasText: option });
  for (let width = 1440; width >= 320; width -= 40) {
    await tab.page.setViewportSize({ width, height: 900 });
    const rows = await shown.evaluate((element) => element.getClientRects().length);
    assert.equal(rows, 1, `${option} at ${width} px`);
    await tab.assertNoSidewaysScroll();
  }
}

async function connected(visitor: Visitor): Promise<ConsolePage> {
  const tab = new ConsolePage(await visitor.open());
  await tab.logIn();
  await tab.connect();
  return tab;
}

browserTest("the page's words about a message and a waiting client", async ({ visitor, step }) => {
  const tab = await connected(visitor);
  const card = tab.card("Publish");
  const content = card.getByRole("textbox", { name: "Content", exact: true });

  await step("a message that this tab will not receive is told as one", async () => {
    await card.getByLabel("Channel", { exact: true }).fill("elsewhere");
    await tab.publish("for others");
    await card.getByText(/the token of alice does not name this channel/).waitFor();
    await card.getByLabel("Channel", { exact: true }).fill("general");
    await tab.publish("for all");
    await tab.message("for all");
    assert.equal(await card.getByText(/will not receive/).count(), 0);
  });

  await step("a double click and a keyboard shortcut publish once", async () => {
    await content.fill("by a double click");
    await tab.page.getByRole("button", { name: "Publish", exact: true }).dblclick();
    await tab.message("by a double click");
    await content.fill("by keyboard");
    await content.press("Control+Enter");
    await tab.message("by keyboard");
    assert.deepEqual(await tab.contents(), ["for all", "by a double click", "by keyboard"]);
  });

  await step("a disconnect while the client is away announces no reconnect", async () => {
    await tab.press("Drop it and stay away");
    const close = await tab.closedWith(1006, "Abnormal");
    await close.getByText(/connects again by itself/).waitFor();
    await tab.press("Disconnect");
    await close.getByText(/^You disconnected\. Connect resumes after/).waitFor();
    await close.getByText(/connects again by itself/).waitFor({ state: "hidden" });
  });

  await step("a client that waits tries at once when it is told to", async () => {
    await tab.press("Clear");
    await tab.frames("kept offline").first().waitFor({ state: "detached" });
    // The delays are so long that nothing happens by itself during this test.
    await tab.page.evaluate("Math.random = () => 1000");
    await tab.connect();
    const tryNow = tab.page.getByRole("button", { name: "Try now" });
    assert.equal(await tryNow.getAttribute("aria-disabled"), "true");
    await tab.press("Drop it and stay away");
    await tab.clientIs("waiting");
    await tryNow.click();
    await tab.frames("kept offline").waitFor();
    await tab.press("Come back");
    await tab.clientIs("connected");
  });
}, { settings });

browserTest("the page's words about a login, and about no answer", async ({ visitor, step }) => {
  visitor.allow(/ERR_FAILED/);
  const tab = new ConsolePage(await visitor.open());
  const card = tab.card("Log in");

  await step("a user of blanks is refused where it is entered", async () => {
    const user = card.getByLabel("User", { exact: true });
    await user.fill("   ");
    await tab.press("Log in");
    await user.and(tab.page.locator(":invalid")).waitFor();
    assert.equal(await tab.page.locator("#identity").isVisible(), false);
    await user.fill("alice");
  });

  await step("nobody's answer is told as that, until there is one", async () => {
    await tab.page.route(/\/(?:login|messages|metrics)$/, (route) => route.abort());
    await tab.press("Log in");
    await card.getByText(/^No answer: is the gateway running\?$/).waitFor();
    await tab.press("Publish");
    await tab.card("Publish").getByText(/^No answer: is the gateway running\?$/).waitFor();
    await tab.page.unroute(/\/(?:login|messages|metrics)$/);
    await card.getByText(/^No answer/).waitFor({ state: "hidden" });
    await tab.card("Publish").getByText(/^No answer/).waitFor({ state: "hidden" });
  });

  await step("many channels are folded, and stay unfolded", async () => {
    const names = Array.from({ length: 80 }, (_, at) => `channel number ${at}`);
    await tab.page.getByLabel("Channels", { exact: true }).fill(names.join(","));
    await tab.logIn();
    const box = await card.boundingBox();
    assert.ok(box !== null && box.height < 800, `${box?.height} px`);
    await card.getByText("80 channels").click();
    await card.getByText(/number 79/).waitFor();
    await tab.connect();
    await tab.press("Disconnect");
    await tab.closedWith(1000, "Normal");
    assert.ok(await card.getByText(/number 79/).isVisible());
  });

  await step("a token that is too long is told with what to do about it", async () => {
    await card.getByText("Paste a token instead").click();
    await card.getByLabel("Token", { exact: true }).fill(`e30.${"x".repeat(5000)}.e30`);
    await tab.press("Use this token");
    await tab.press("Connect");
    const close = await tab.closedWith(1009, "MessageTooBig");
    await close.getByText(/token is too long .*fewer channels, or start the gateway/).waitFor();
    await assertOptionsWhole(tab, "--max-frame-bytes");
  });
}, { settings });
