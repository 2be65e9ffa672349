/**
 * The console of a gateway with a real issuer: tokens are pasted, the publish key is entered, and neither is ever
 * shown.
 *
 * @module
 */

import assert from "node:assert/strict";
import { claims, inSeconds, SECRET, shared, sign } from "../conformance/support/issuer.ts";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";

const KEY = "a-key-that-nobody-else-knows";

const settings = {
  GATEWAY_CONSOLE: "on",
  GATEWAY_JWT_SECRET: SECRET,
  GATEWAY_CLOCK_TOLERANCE_MS: "0",
  GATEWAY_PUBLISH_KEY: KEY,
  GATEWAY_HEARTBEAT_INTERVAL_MS: "1000",
};

/** A token of the user `7`. */
async function token(expiresInS: number): Promise<string> {
  const payload = claims({ sub: "7", channels: ["general"], exp: inSeconds(expiresInS) });
  return await sign(payload, shared(SECRET));
}

async function paste(tab: ConsolePage, text: string): Promise<void> {
  await tab.page.getByLabel("Token", { exact: true }).fill(text);
  await tab.press("Use this token");
}

browserTest("a pasted token connects, runs out, and the next one resumes", async ({ visitor }) => {
  visitor.allow(/status of 401/);
  const tab = new ConsolePage(await visitor.open());
  await tab.page.getByRole("button", { name: "Log in" }).waitFor({ state: "hidden" });
  // Long enough for the steps of the test.
  const first = await token(8);
  await paste(tab, first);
  await tab.connect();
  await tab.card("Log in").getByRole("definition").getByText("7", { exact: true }).waitFor();
  await tab.press("Publish");
  await tab.card("Publish").getByText(/401 Unauthorized/).waitFor();
  await tab.press("Disconnect this user");
  await tab.card("What can go wrong").getByText(/401 Unauthorized/).waitFor();
  assert.match(await tab.copied("Copy as curl"), /Bearer \$GATEWAY_PUBLISH_KEY"/);
  await tab.page.getByLabel("Publish key").fill(KEY);
  await tab.publish("with a key of its own");
  await tab.message("with a key of its own");

  await tab.closedWith(4003, "IdentifyFailed");
  await tab.page.getByText(/Paste a new one: the client waits for it/).waitFor();
  await tab.page.locator("#close-next").getByText(/waits for another token: paste one/).waitFor();
  await tab.publish("missed");
  const second = await token(600);
  await paste(tab, second);
  await tab.clientIs("connected");
  await tab.message("missed");
  assert.deepEqual(await tab.contents(), ["with a key of its own", "missed"]);
  const html = await tab.page.content();
  for (const secret of [first, second, KEY]) {
    assert.ok(!html.includes(secret), "no secret is shown");
  }
  await tab.page.getByText("Only a login at the mock issuer gives such a token.").waitFor();
  assert.ok((await tab.copied("Copy as client code")).includes(`getToken: () => "${second}"`));
  await tab.press("Disconnect this user");
  await tab.closedWith(4010, "Disconnected");
}, { settings });

browserTest(
  "a token that is refused is told with the reason, and waits for another",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open());
    await paste(tab, await token(-60));
    await tab.press("Connect");
    await tab.closedWith(4003, "IdentifyFailed");
    await tab.page.getByText(/refused the token: the token has expired\. Paste a new one/)
      .waitFor();
    await paste(tab, "not a token at all");
    assert.equal(await tab.page.getByLabel("Token", { exact: true }).inputValue(), "");
    await tab.frames("Identify").nth(1).waitFor();
    await tab.page.getByText(/refused the token: the token is malformed\. Paste a new one/)
      .waitFor();
    await paste(tab, await token(600));
    await tab.clientIs("connected");
  },
  { settings },
);
