/**
 * The page's user: another user starts afresh, also while requests of the previous one are pending.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" };

/** Delays the answer to the next login of `user`, until `go` is called. */
async function slowLogin(page: Page, user: string): Promise<{ readonly go: () => Promise<void> }> {
  const held = Promise.withResolvers<() => Promise<void>>();
  const pattern = /\/login$/;
  await page.route(pattern, async (route) => {
    const isWanted = route.request().postData()?.includes(`"user":"${user}"`) === true;
    if (isWanted) held.resolve(() => route.continue());
    else await route.continue();
  });
  const go = async (): Promise<void> => {
    const answered = page.waitForResponse((response) =>
      pattern.test(response.url()) &&
      response.request().postData()?.includes(`"user":"${user}"`) === true
    );
    await (await held.promise)();
    await (await answered).finished();
    await page.unroute(pattern);
  };
  return { go };
}

browserTest("a user and another on the same page", async ({ gateway, visitor, step }) => {
  const tab = new ConsolePage(await visitor.open());
  const isUser = (user: string): Promise<void> =>
    tab.card("Log in").getByRole("definition").getByText(user, { exact: true }).waitFor();

  await step("the same user resumes where the client was, and the page says so", async () => {
    await tab.logIn("alice");
    await tab.connect();
    await tab.publish("first");
    await tab.message("first");
    await tab.press("Log in");
    await tab.clientIs("over");
    const close = tab.page.locator("#close");
    await close.getByText(/Another token is in use, so the page disconnected/).waitFor();
    await tab.publish("missed");
    await tab.connect();
    await tab.message("missed");
    assert.deepEqual(await tab.contents(), ["first", "missed"]);
  });

  await step("another user sees nothing of the one before, and resumes nothing", async () => {
    await tab.logIn("bob");
    await tab.clientIs("not made");
    assert.deepEqual(await tab.contents(), []);
    await tab.page.getByText("Nothing has passed yet").waitFor();
    assert.equal(await tab.page.locator("#close").isVisible(), false);
    assert.equal(await tab.page.locator("#rtt-count").innerText(), "0");
    await gateway.backend.publishAll([{ channel: "general", author: "x", content: "between" }]);
    await tab.connect();
    assert.doesNotMatch(await tab.frames("Identify").innerText(), /last_id/);
    await tab.publish("for bob");
    await tab.message("for bob");
    assert.deepEqual(await tab.contents(), ["for bob"]);
  });

  await step("of two logins the later counts, whichever is answered first", async () => {
    const alice = await slowLogin(tab.page, "alice");
    await tab.card("Log in").getByLabel("User", { exact: true }).fill("alice");
    await tab.press("Log in");
    await tab.logIn("carol");
    await tab.connect();
    await alice.go();
    await tab.publish("still carol");
    await tab.message("still carol");
    await tab.clientIs("connected");
    await isUser("carol");
  });

  await step("a token that was to expire is not sent on another user's connection", async () => {
    const carol = await slowLogin(tab.page, "carol");
    await tab.press("Let it expire");
    await tab.logIn("bob");
    await tab.connect();
    await carol.go();
    await tab.publish("still bob");
    await tab.message("still bob");
    await tab.clientIs("connected");
    assert.equal(await tab.frames("Identify").count(), 1);
    await isUser("bob");
    const expire = tab.page.getByRole("button", { name: "Let it expire" });
    await expire.and(tab.page.locator('[aria-disabled="false"]')).waitFor();
  });
}, { settings });
