/**
 * Looking up a user: the page shows each connection as the gateway describes it.
 *
 * @module
 */

import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";
import { PHONE } from "./support/visitor.ts";

browserTest(
  "a user's connections are shown, with the position of the last message",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open({ viewport: { width: 1440, height: 900 } }));
    await tab.logIn("alice");
    await tab.connect();
    await tab.publish("hello");
    const receipt = await tab.card("Publish").getByText(/^201: stored as/).textContent();
    const [, id = ""] = /stored as (\S+?-\d+)/.exec(receipt ?? "") ?? [];
    const card = tab.card("Look up a user");
    await tab.press("Look up");
    await card.getByText("alice has 1 connection, in general.", { exact: true }).waitFor();
    const session = card.getByRole("listitem");
    await session.getByText(id, { exact: true }).waitFor();
    await session.getByText("0 bytes", { exact: true }).waitFor();
    await session.getByText(/^no$/).waitFor();
    await visitor.shoot(tab.page, "look up a user");
    await tab.page.setViewportSize(PHONE.viewport);
    await tab.assertNoSidewaysScroll();
    await visitor.shoot(tab.page, "look up a user on a phone");

    await card.getByLabel("User", { exact: true }).fill("nobody / <b>");
    await tab.press("Look up");
    await card.getByText("nobody / <b> is not connected. Messages wait in the log.").waitFor();

    await card.getByLabel("User", { exact: true }).fill("a\u0085b");
    visitor.allow(/400 \(Bad Request\)/);
    await tab.press("Look up");
    await card.getByText(/invalid_path/).waitFor();
  },
);
