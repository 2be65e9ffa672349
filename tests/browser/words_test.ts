/**
 * What the page says is so, and is gone when it is no longer so.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" };

browserTest(
  "who disconnects while the client is away is told of no return",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open());
    await tab.logIn();
    await tab.connect();
    await tab.press("Drop it and stay away");
    const close = await tab.closedWith(1006, "Abnormal");
    await close.getByText(/connects again by itself/).waitFor();
    await tab.press("Disconnect");
    await close.getByText(/^You disconnected\. Connect takes up after/).waitFor();
    await close.getByText(/connects again by itself/).waitFor({ state: "hidden" });
    await tab.connect();
  },
  { settings },
);

browserTest("a client that waits tries at once when it is told to", async ({ visitor }) => {
  const tab = new ConsolePage(await visitor.open());
  // The delays are so long that nothing happens by itself while this test runs.
  await tab.page.evaluate("Math.random = () => 1000");
  await tab.logIn();
  await tab.connect();
  const tryNow = tab.page.getByRole("button", { name: "Try now" });
  assert.equal(await tryNow.getAttribute("aria-disabled"), "true");
  await tab.press("Drop it and stay away");
  await tab.clientIs("waiting");
  await tryNow.click();
  await tab.frames("kept away").waitFor();
  await tab.press("Come back");
  await tab.clientIs("ready");
}, { settings });

browserTest("nobody's answer is told as that, until there is one", async ({ visitor }) => {
  visitor.allow(/ERR_FAILED/);
  const tab = new ConsolePage(await visitor.open());
  const problems = tab.page.getByText("No answer: is the gateway running?", { exact: true });
  await tab.page.route(/\/(?:login|messages)$/, (route) => route.abort());
  await tab.press("Log in");
  await tab.card("Log in").getByText(/^No answer/).waitFor();
  await tab.press("Publish");
  await tab.card("Publish").getByText(/^No answer/).waitFor();
  await problems.first().waitFor({ state: "hidden" });
  await problems.last().waitFor({ state: "hidden" });
}, { settings });

browserTest("a message that this tab will not receive is told as one", async ({ visitor }) => {
  const tab = new ConsolePage(await visitor.open());
  await tab.logIn();
  await tab.connect();
  const card = tab.card("Publish");
  await card.getByLabel("Channel", { exact: true }).fill("elsewhere");
  await tab.publish("for others");
  await card.getByText(/the token of alice does not name this channel/).waitFor();
  await card.getByLabel("Channel", { exact: true }).fill("general");
  await tab.publish("for all");
  await tab.message("for all");
  assert.equal(await card.getByText(/will not receive/).count(), 0);
  assert.deepEqual(await tab.contents(), ["for all"]);
}, { settings });

browserTest(
  "a token that is too long is told with what to do about it",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open());
    const channels = Array.from({ length: 80 }, (_, at) => `channel-with-a-long-name-number-${at}`);
    await tab.page.getByLabel("Channels", { exact: true }).fill(channels.join(","));
    await tab.logIn();
    const before = await tab.card("Log in").boundingBox();
    await tab.card("Log in").getByText("80 channels").click();
    await tab.card("Log in").getByText(/number-79/).waitFor();
    assert.ok(before !== null && before.height < 800, `${before?.height} px`);
    await tab.press("Connect");
    const close = await tab.closedWith(1009, "MessageTooBig");
    await close.getByText(/token is too long .*fewer channels, or start the gateway/).waitFor();
  },
  { settings },
);

browserTest("a user of blanks is refused where it is entered", async ({ visitor }) => {
  const tab = new ConsolePage(await visitor.open());
  const user = tab.card("Log in").getByLabel("User", { exact: true });
  await user.fill("   ");
  await tab.press("Log in");
  await user.and(tab.page.locator(":invalid")).waitFor();
  assert.equal(await tab.page.locator("#identity").isVisible(), false);
  await tab.logIn("alice");
}, { settings });

browserTest("what is meant once is published once", async ({ visitor }) => {
  const tab = new ConsolePage(await visitor.open());
  await tab.logIn();
  await tab.connect();
  const content = tab.card("Publish").getByRole("textbox", { name: "Content", exact: true });
  await content.fill("by a double click");
  await tab.page.getByRole("button", { name: "Publish", exact: true }).dblclick();
  await tab.message("by a double click");
  await content.fill("by keyboard");
  await content.press("Control+Enter");
  await tab.message("by keyboard");
  assert.deepEqual(await tab.contents(), ["by a double click", "by keyboard"]);
}, { settings });
