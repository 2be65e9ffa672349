/**
 * Accessibility of the console: no violations of axe's rules in light, dark and on a phone, when empty and when
 * full; usable by keyboard alone; no horizontal scrolling.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";
import { PHONE } from "./support/visitor.ts";

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" };

/** Variants besides a wide screen in light. */
const LOOKS = {
  "in dark": { colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  "on a phone": { colorScheme: "light", viewport: PHONE.viewport },
  "on a phone in dark": { colorScheme: "dark", viewport: PHONE.viewport },
  "on a narrow phone in dark": { colorScheme: "dark", viewport: { width: 360, height: 640 } },
} as const;

/** More presses than a page has places for the focus. */
const MAX_TABS = 80;

browserTest(
  "axe finds nothing at the start, and with everything shown in every look",
  async ({ visitor }) => {
    const tab = new ConsolePage(
      await visitor.open({ colorScheme: "light", viewport: { width: 1440, height: 900 } }),
    );
    const { page } = tab;
    await page.getByRole("button", { name: "Log in" }).waitFor();
    await assertAccessible(page);
    await visitor.shoot(page, "console at the start");
    await showEverything(tab);
    // Frames are drawn only where they are visible.
    const frames = page.getByRole("region", { name: "Frames", exact: true });
    await frames.scrollIntoViewIfNeeded();
    await assertAccessible(page);
    await visitor.shoot(page, "console");
    for (const [look, { colorScheme, viewport }] of Object.entries(LOOKS)) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(viewport);
      await frames.scrollIntoViewIfNeeded();
      await assertAccessible(page);
      await tab.assertNoSidewaysScroll();
      const cut = await page.evaluate<readonly string[]>(
        "[...document.querySelectorAll('#frames > li')].filter((row) => row.scrollWidth > row.clientWidth).map((row) => row.innerText)",
      );
      assert.deepEqual(cut, [], `no frame is cut ${look}`);
      await visitor.shoot(page, `console ${look}`);
    }
    const fold = await page.getByText("Paste a token instead").boundingBox();
    assert.ok(fold !== null && fold.height >= 44, `${fold?.height} px are enough for a thumb`);
  },
  { settings },
);

/** Messages, replayed ones, long ones, an explained close, a problem, an active fault. */
async function showEverything(tab: ConsolePage): Promise<void> {
  await tab.logIn();
  await tab.connect();
  await tab.publish("first");
  await tab.press("Drop it and stay away");
  await tab.publish(`missed, and long: ${"unbreakable".repeat(60)}`);
  await tab.press("Come back");
  await tab.messages().filter({ hasText: "replayed" }).waitFor();
  await tab.page.getByText(/resumed: 1 missed message replayed\./).waitFor();
  await tab.press("Stop answering");
  await tab.frames("HeartbeatAck").filter({ hasText: "withheld" }).first().waitFor();
  await tab.frames("Message").first().locator("summary").click();
  await tab.press("Look up");
  await tab.card("Look up a user").getByRole("listitem").waitFor();
  await tab.page.getByText("Paste a token instead").click();
  await tab.page.getByLabel("JSON", { exact: true }).check();
  await tab.card("Publish").getByText(/The content is not JSON/).waitFor();
}

browserTest("the keyboard is enough, and a button that is used keeps it", async ({ visitor }) => {
  const tab = new ConsolePage(await visitor.open());
  const { page } = tab;
  await page.getByRole("button", { name: "Log in" }).waitFor();
  await tabTo(page.getByLabel("User", { exact: true }).first());
  await page.keyboard.press("Enter");
  await tab.card("Log in").getByRole("definition").getByText("alice").waitFor();
  const connect = page.getByRole("button", { name: "Connect", exact: true });
  await tabTo(connect);
  await page.keyboard.press("Space");
  await tab.clientIs("connected");
  assert.equal(await connect.getAttribute("aria-disabled"), "true");
  assert.ok(await hasFocus(connect), "the button that was used still has the focus");
  await page.keyboard.press("Space");
  await tabTo(page.getByRole("radio", { name: "a channel" }));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await tabTo(page.getByRole("textbox", { name: "Content", exact: true }));
  await page.keyboard.press("Control+A");
  await page.keyboard.type("by keyboard");
  await tabTo(page.getByRole("button", { name: "Publish", exact: true }));
  await page.keyboard.press("Enter");
  await tab.message("by keyboard");
  await page.getByRole("status").getByText(/Message from alice|Published as/).waitFor();
  await tabTo(page.getByRole("region", { name: "Frames", exact: true }));
  await tabTo(page.getByRole("button", { name: "Send it" }));
  await page.keyboard.press("Enter");
  await tab.closedWith(4001, "Malformed");
  await page.getByRole("status").getByText(/Closed with 4001 Malformed\./).waitFor();
  await tabTo(page.getByRole("button", { name: "Connect again" }));
  await page.keyboard.press("Enter");
  await tab.clientIs("connected");
}, { settings });

browserTest(
  "at 1440 × 900 the faults are in view with the frames that they change",
  async (visit) => {
    const tab = new ConsolePage(
      await visit.visitor.open({ viewport: { width: 1440, height: 900 } }),
    );
    await tab.logIn();
    await tab.connect();
    await tab.page.locator("#passing").evaluate((card) => card.scrollIntoView());
    const shown = [
      tab.page.getByRole("region", { name: "Frames", exact: true }),
      tab.page.getByRole("img", { name: /^States of a session/ }),
      ...await tab.card("What can go wrong").getByRole("button").all(),
    ];
    assert.ok(shown.length >= 9, `${shown.length} parts`);
    const assertInView = async (): Promise<void> => {
      for (const part of shown) {
        const box = await part.boundingBox();
        const isInView = box !== null && box.y >= 0 && box.y + box.height <= 900;
        assert.ok(isInView, `${part}: ${JSON.stringify(box)}`);
      }
    };
    await assertInView();
    await tab.press("Drop it and stay away");
    await tab.frames("closed 1006 Abnormal").waitFor();
    await assertInView();
    await visit.visitor.shoot(tab.page, "faults and frames");
  },
);

/** Presses Tab until `target` has the focus, and asserts that this is visible. */
async function tabTo(target: Locator): Promise<void> {
  for (let presses = 0; presses < MAX_TABS; presses += 1) {
    await target.page().keyboard.press("Tab");
    if (await hasFocus(target)) return;
  }
  assert.fail(`the keyboard does not reach ${target}`);
}

async function hasFocus(target: Locator): Promise<boolean> {
  return await target.and(target.page().locator(":focus-visible")).count() === 1;
}
