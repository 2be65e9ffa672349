/**
 * A newcomer's first steps: log in, connect, publish, and receive the message in two tabs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../conformance/support/wait.ts";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" };

browserTest("two tabs of two users see a message arrive, each once", async ({ visitor }) => {
  const alice = new ConsolePage(await visitor.open({ reducedMotion: "no-preference" }));
  await alice.logIn();
  await alice.connect();
  await alice.sessionIs("ready");
  const opened = alice.page.context().waitForEvent("page");
  await alice.page.getByRole("link", { name: "Open a second tab as bob" }).click();
  const bob = new ConsolePage(await opened);
  await bob.logIn();
  await bob.connect();

  await bob.publish("Hello from the second tab");
  for (const tab of [alice, bob]) {
    const row = await tab.message("Hello from the second tab");
    assert.match(await row.innerText(), /bob\s+#general/);
  }

  await bob.page.getByLabel("a user", { exact: true }).check();
  await bob.card("Publish").getByLabel("User", { exact: true }).fill("alice");
  await bob.publish("For alice alone");
  await alice.message("For alice alone");
  await bob.page.getByLabel("everyone", { exact: true }).check();
  await bob.publish("For everyone");
  await alice.message("For everyone");
  await bob.message("For everyone");
  assert.deepEqual(await alice.contents(), [
    "Hello from the second tab",
    "For alice alone",
    "For everyone",
  ]);
  assert.deepEqual(await bob.contents(), ["Hello from the second tab", "For everyone"]);
}, { settings });

browserTest(
  "a publish before connecting explains what is missing",
  async ({ visitor, step }) => {
    const tab = new ConsolePage(await visitor.open());
    const publish = tab.card("Publish");
    const arrival = tab.card("See it arrive");
    const isDone = async (): Promise<boolean> =>
      (await tab.page.locator("#publish").getAttribute("class"))?.includes("done") === true;

    await step("an empty box says what to do", async () => {
      const box = arrival.getByRole("region", { name: "Messages" });
      await box.getByText(/^Log in \(step 1\) and connect \(step 2\): /).waitFor();
      await tab.page.getByRole("region", { name: "Frames", exact: true })
        .getByText(/^Nothing has passed yet: connect/).waitFor();
    });

    await step(
      "a publish before the login is shown as missed, and completes no step",
      async () => {
        await tab.publish("before the login");
        await publish.getByText(/Nobody was logged in on this page/).waitFor();
        await arrival.getByText(/Messages that you published before that are not shown/).waitFor();
        assert.equal(await isDone(), false);
      },
    );

    await step("so is what is published before the first connection", async () => {
      await tab.logIn();
      await arrival.getByText(/^Connect \(step 2\): /).waitFor();
      await tab.publish("before the connection");
      await publish.getByText(/This page was not connected, so it does not arrive here/).waitFor();
      assert.equal(await isDone(), false);
      await tab.connect();
      await arrival.getByText(/not shown: This page was not connected.*Publish another/).waitFor();
      await tab.publish("after it");
      await tab.message("after it");
      assert.deepEqual(await tab.contents(), ["after it"]);
      assert.equal(await isDone(), true);
      assert.equal(await arrival.getByText(/not shown/).isVisible(), false);
    });

    await step("a message for later is shown as expected, until it arrives", async () => {
      await tab.press("Disconnect");
      await tab.publish("while disconnected");
      await publish.getByText(/It arrives once you connect \(step 2\)\./).waitFor();
      await tab.connect();
      await tab.message("while disconnected");
      await publish.getByText(/It arrives once/).waitFor({ state: "hidden" });
    });
  },
  { settings },
);

browserTest("traffic is in view, and refusals are explained", async ({ visitor, step }) => {
  visitor.allow(/status of 40[01]/);
  const tab = new ConsolePage(await visitor.open());

  await step("frames pass both ways, and a token is never shown", async () => {
    const token = tab.page.waitForResponse(/\/login$/);
    await tab.logIn();
    await tab.connect();
    const { token: text }: { readonly token: string } = await (await token).json();
    for (const name of ["Hello", "Identify", "Ready", "Heartbeat", "HeartbeatAck"]) {
      await tab.frames(name).first().waitFor();
    }
    const identify = await tab.frames("Identify").innerText();
    assert.match(identify, /"token":"eyJhbGci… \(\d+ characters\)"/);
    assert.ok(!(await tab.page.content()).includes(text.slice(0, 40)), "no token in the page");
    // The gateway's heartbeat, acknowledged: its number returns unchanged.
    const beats = tab.frames("Heartbeat").filter({ hasText: "received" });
    await beats.first().waitFor();
    const time = /"time":(\d+)/.exec(await beats.last().innerText())?.[1];
    await tab.frames("HeartbeatAck").filter({ hasText: `"time":${time}` }).first().waitFor();
  });

  await step("the list of frames goes without heartbeats, is held, and is emptied", async () => {
    await tab.card("Frames as they pass").getByLabel("Heartbeats").uncheck();
    await tab.frames("Heartbeat").first().waitFor({ state: "hidden" });
    await tab.frames("Ready").first().waitFor();
    await tab.press("Pause");
    await tab.publish("while the list is held");
    await tab.message("while the list is held");
    await tab.page.getByText(/Held\. [1-9]\d* frames? came meanwhile\./).waitFor();
    assert.equal(await tab.frames("Message").count(), 0);
    await tab.press("Pause");
    await tab.frames("Message").waitFor();
    await tab.press("Clear");
    await tab.frames("Message").waitFor({ state: "detached" });
  });

  await step("a frame unfolds, is copied, and is found by a filter", async () => {
    const frames = tab.card("Frames as they pass");
    await tab.card("Publish").getByLabel("JSON", { exact: true }).check();
    await tab.publish('"hay"');
    await tab.publish('{"needle": 12345678901234567890}');
    const row = tab.frames("Message").filter({ hasText: "needle" });
    await row.locator("summary").click();
    const whole = await row.locator("pre").innerText();
    assert.match(whole, /^\{\n {2}"op": 3,\n/);
    assert.match(whole, /"content": \{\n {4}"needle": \d+\n {2}\}/);
    await tab.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await row.getByRole("button", { name: "Copy" }).click();
    await row.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await tab.page.evaluate<string>("navigator.clipboard.readText()");
    assert.equal(copied, await row.locator("summary").innerText());
    const filter = frames.getByLabel("Filter");
    await filter.fill("needle RECEIVED");
    const hay = tab.frames("Message").filter({ hasText: "hay" });
    await hay.waitFor({ state: "hidden" });
    await row.waitFor();
    await frames.getByText(/1 of \d+ frames shown\./).waitFor();
    await filter.fill("");
    await hay.waitFor();
    await frames.getByLabel("Heartbeats").check();
    await frames.getByText(/frames? shown/).waitFor({ state: "hidden" });
  });

  await step("JSON is in a monospaced font, wherever it is", async () => {
    for (
      const place of ["#messages .content.json", "#frames .text code", "#frames pre", "#raw-text"]
    ) {
      const font = await tab.page.evaluate<string>(
        `getComputedStyle(document.querySelector(${JSON.stringify(place)})).fontFamily`,
      );
      assert.match(font, /monospace/, place);
    }
    await tab.card("Publish").getByLabel("text", { exact: true }).check();
  });

  await step(
    "a refused publish is explained in place, and its text is not lost",
    async () => {
      const card = tab.card("Publish");
      const content = card.getByRole("textbox", { name: "Content", exact: true });
      await card.getByLabel("JSON", { exact: true }).check();
      await content.fill('{"text": "unfinished');
      await card.getByText(/The content is not JSON: /).waitFor();
      await tab.press("Publish");
      assert.equal(await content.inputValue(), '{"text": "unfinished');
      await content.fill('{"text": "finished", "list": [0.1, null]}');
      await card.getByText(/The content is not JSON: /).waitFor({ state: "hidden" });
      await card.getByLabel("Author").fill("");
      await tab.press("Publish");
      await card.getByText(/400 Bad Request \(invalid_body\).*#\/author/s).waitFor();
      await card.getByLabel("Author").fill("bob");
      await tab.press("Publish");
      await tab.frames("Message").getByText('"content":{"text":"finished","list":[0.1,null]}')
        .first().waitFor();
    },
  );
}, { settings });

browserTest(
  "a development start's own numbers",
  async ({ visitor, step }) => {
    visitor.allow(/ERR_FAILED/);
    const tab = new ConsolePage(await visitor.open());

    await step("a first round trip is measured at once, and another when told", async () => {
      // The interval of a development start is short, so the first point comes soon.
      await tab.logIn();
      await tab.connect();
      const chart = tab.card("Round trips");
      await chart.getByRole("img", { name: /last [\d.]+ m?s, median/ }).waitFor();
      await chart.locator("#rtt-count").getByText("1", { exact: true }).waitFor();
      await tab.page.getByText(/One every 45.s/).waitFor();
      // One request a second at most; earlier ones are ignored.
      await eventually("a second round trip", async () => {
        await tab.press("Measure now");
        return await chart.locator("#rtt-count").innerText() === "2" ? true : undefined;
      });
    });

    await step("the server's own numbers are shown, and when they cannot be had", async () => {
      const card = tab.card("With the server");
      await card.getByText("1 ready").waitFor();
      await tab.press("Disconnect");
      await card.getByRole("row", { name: /^– by the client .* 1$/ }).waitFor();
      await tab.page.route("**/metrics", (route) => route.abort());
      await card.getByText(/metrics cannot be read/).waitFor();
      await tab.page.unroute("**/metrics");
      await card.getByText(/metrics cannot be read/).waitFor({ state: "hidden" });
    });
  },
  { own: true },
);
