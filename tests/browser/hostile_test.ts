/**
 * Content of other users on the page: it remains text, and its size is limited.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../conformance/support/wait.ts";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" };

/** Text that would become elements if it were used as HTML, with a character that changes direction. */
function hostile(where: string): string {
  return `${where}<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>` +
    `<b>bold</b>\u202Eabc`;
}

/** Elements that no view creates, and attributes that none sets. */
const FOREIGN = "main :is(img, script, iframe, b, [onerror], [src])";

/** Unchanged, and with the direction written out. */
const [USER, CHANNEL, AUTHOR, TEXT] = ["user", "channel", "author", "text"].map(hostile) as [
  string,
  string,
  string,
  string,
];
const written = (text: string): string => text.replace("\u202E", "\\u202E");

browserTest("content of other users is text everywhere", async (visit) => {
  const { gateway, visitor } = visit;
  const tab = new ConsolePage(await visitor.open());
  await tab.page.getByLabel("Channels", { exact: true }).fill(CHANNEL);
  await tab.logIn(USER);
  assert.equal(await tab.page.locator("#identity-channels").textContent(), CHANNEL);
  await tab.connect();
  const contents = [TEXT, { [TEXT]: [TEXT] }, [[TEXT]]];
  const drafts = contents.map((content) => ({ channel: CHANNEL, author: AUTHOR, content }));
  await gateway.backend.publishAll(drafts);
  await tab.messages().nth(2).waitFor();
  const [first, second] = await tab.contents();
  assert.equal(first, TEXT);
  assert.equal(second, JSON.stringify(contents[1], null, 2));
  const row = tab.messages().first();
  assert.equal(await row.locator("strong").textContent(), AUTHOR);
  assert.equal(await row.locator(".channel").textContent(), `#${CHANNEL}`);
  // Text that changes direction is isolated.
  const directions = await tab.page.evaluate<readonly string[]>(
    "[...document.querySelectorAll('#messages > :first-child :is(bdi, .content)')].map((part) => getComputedStyle(part).unicodeBidi)",
  );
  assert.deepEqual(directions, ["isolate", "isolate", "isolate"]);
  for (const line of await tab.frames("Message").locator("summary").all()) await line.click();
  await tab.frames("Message").locator("pre").nth(2).waitFor();
  const texts = await tab.frames("Message").locator(".text").allTextContents();
  assert.equal(texts.length, 3);
  for (const text of texts) {
    assert.ok(text.includes(written(JSON.stringify(TEXT))), text);
    assert.ok(!text.includes("\u202E"), "the direction is written out");
  }
  await tab.page.getByLabel("Text to send as it is").fill(TEXT);
  await tab.press("Send it");
  await tab.closedWith(4001, "Malformed");
  const sent = tab.frames("not a frame").locator(".text");
  assert.equal(await sent.textContent(), written(TEXT));
  assert.equal(await tab.page.locator(FOREIGN).count(), 0);
  assert.match(await tab.page.title(), /^user<img .*E-Magine Gateway console$/);
}, { settings });

browserTest("the lists have an end, and so has what is in them", async ({ gateway, visitor }) => {
  const tab = new ConsolePage(await visitor.open());
  await tab.logIn();
  await tab.connect();
  await tab.sessionIs("ready");
  const height = (): Promise<number> =>
    tab.page.evaluate<number>("document.documentElement.scrollHeight");
  const before = await height();
  const draft = { channel: "general", author: "bob" };
  await gateway.backend.publishAll(
    Array.from({ length: 600 }, (_, at) => ({ ...draft, content: `message ${at}` })),
  );
  await tab.message("message 599");
  assert.equal(await tab.messages().count(), 200);
  assert.equal(await tab.page.locator("#frames > li").count(), 500);
  assert.equal((await tab.contents())[0], "message 400");
  await tab.page.getByRole("button", { name: "Disconnect", exact: true }).scrollIntoViewIfNeeded();
  assert.ok(await height() < before + 300, `${before} px became ${await height()} px`);

  const long = `${"x".repeat(3999)}😀${"y".repeat(30_000)}`;
  await gateway.backend.publishAll([{ ...draft, content: long }]);
  const shown = await eventually("the long message", async () => {
    const last = (await tab.contents()).at(-1);
    return last?.startsWith("xxx") ? last : undefined;
  });
  // The cut does not split the surrogate pair at its place.
  assert.equal(shown, `${"x".repeat(3999)}… and 30,002 characters more`);
  await tab.frames("Message").first().locator("summary").click();
  const frame = tab.frames("Message").first().locator("details code");
  assert.equal((await frame.first().textContent())?.length, 241);
  assert.match(await frame.last().textContent() ?? "", /y… and 14,\d\d\d characters more$/);
}, { settings });

browserTest("the list of messages follows its end, unless somebody reads", async (visit) => {
  const { gateway, visitor } = visit;
  const tab = new ConsolePage(await visitor.open());
  await tab.logIn();
  await tab.connect();
  const publish = (from: number, count: number): Promise<unknown> =>
    gateway.backend.publishAll(
      Array.from({ length: count }, (_, at) => ({
        channel: "general",
        author: "bob",
        content: `message ${from + at}`,
      })),
    );
  const below = (): Promise<number> =>
    tab.page.evaluate<number>(
      "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight)(document.querySelector('#messages-scroll'))",
    );
  await publish(0, 30);
  await tab.message("message 29");
  assert.ok(await below() < 2, "at the end");
  const scrolled = tab.page.evaluate(
    "new Promise((done) => document.querySelector('#messages-scroll').addEventListener('scroll', done, { once: true }))",
  );
  await tab.page.evaluate("document.querySelector('#messages-scroll').scrollTop = 100");
  await scrolled;
  await publish(30, 5);
  await tab.message("message 34");
  const top = await tab.page.evaluate("document.querySelector('#messages-scroll').scrollTop");
  assert.equal(top, 100, "the scroll position does not change");
}, { settings });
