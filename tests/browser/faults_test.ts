/**
 * Faults that the console's buttons cause: each ends as its text says, is explained, and the client reconnects
 * if it may.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";

const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: "1000" };

browserTest(
  "heartbeats that are not answered end in 4002, which is explained",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open({ reducedMotion: "no-preference" }));
    await tab.logIn();
    await tab.connect();
    await tab.press("Stop answering");
    await tab.page.getByText(/Closed with 4002 in \d\.\d s\./).waitFor();
    const close = await tab.closedWith(4002, "HeartbeatTimeout");
    await close.getByText("no ACK within the interval").waitFor();
    await close.getByText(/connects again by itself and resumes after the last message/).waitFor();
    await close.getByText(/Back after .* resumed: nothing was missed\./).waitFor();
    await tab.clientIs("connected");
    assert.match(
      await tab.frames("HeartbeatAck").filter({ hasText: "withheld" }).first().innerText(),
      /⊘/,
    );
    await tab.frames("closed 4002 HeartbeatTimeout").waitFor();
    // The fault is undone: the next connection's heartbeats are answered, and there is no second close.
    const answers = tab.frames("HeartbeatAck").filter({ hasText: "sent" });
    const before = await answers.count();
    await answers.nth(before + 1).waitFor();
    assert.equal(await tab.frames("closed 4002 HeartbeatTimeout").count(), 1);
    await tab.card("With the server").getByRole("row", { name: /4002 HeartbeatTimeout .* 1/ })
      .waitFor();
  },
  { settings },
);

browserTest(
  "a gateway of 45 s is seen to miss heartbeats within seconds, on a new connection",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open());
    const quick = tab.page.getByLabel("With a heartbeat every 3 s");
    await tab.page.getByText(/On a new connection, that takes 3.s to 6.s\./).waitFor();
    await quick.uncheck();
    await tab.page.getByText(/That takes 45.s to 90.s\./).waitFor();
    await quick.check();
    await tab.logIn();
    await tab.connect();
    const started = performance.now();
    await tab.press("Stop answering");
    await tab.page.getByText(/Closed with 4002 in [0-5]\.\d s\.|Closed with 4002 in [1-6] s\./)
      .waitFor();
    await tab.frames("connecting").filter({ hasText: "/gateway?heartbeat_interval=3000" })
      .waitFor();
    const close = await tab.closedWith(4002, "HeartbeatTimeout");
    const seconds = (performance.now() - started) / 1000;
    assert.ok(seconds > 5 && seconds < 20, `after ${seconds} s`);
    await close.getByText(/Back after .* resumed: nothing was missed\./).waitFor();
    await tab.clientIs("connected");
    // The next connection has the gateway's interval.
    await tab.frames("Hello").first().getByText('"heartbeat_interval":45000').waitFor();
  },
);

browserTest(
  "a real issuer's gateway offers no heartbeat interval",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open());
    await tab.page.route(
      /console\.json$/,
      (route) =>
        route.fulfill({ json: { login: false, heartbeat_interval: 45_000, version: "1" } }),
    );
    await tab.page.reload();
    await tab.page.getByText(/That takes 45.s to 90.s\./).waitFor();
    assert.equal(await tab.page.getByLabel(/With a heartbeat/).isVisible(), false);
  },
);

browserTest(
  "every other fault ends as its text says, and the client is back where it may be",
  async ({ gateway, visitor, step }) => {
    const tab = new ConsolePage(await visitor.open());
    await tab.logIn();
    await tab.connect();

    await step("a dropped connection resumes, with what was missed once and marked", async () => {
      await tab.publish("before");
      await tab.message("before");
      await tab.press("Drop it and stay away");
      await tab.clientIs("waiting");
      await tab.sessionIs("closed");
      await tab.publish("missed by the tab's own form");
      await gateway.backend.publishAll([
        { channel: "general", author: "backend", content: "missed 1" },
        { channel: "general", author: "backend", content: "missed 2" },
      ]);
      await tab.frames("kept offline").first().waitFor();
      assert.deepEqual(await tab.contents(), ["before"]);
      await tab.press("Come back");
      await tab.clientIs("connected");
      await tab.message("missed 2");
      await tab.publish("after");
      await tab.message("after");
      const missed = ["missed by the tab's own form", "missed 1", "missed 2"];
      assert.deepEqual(await tab.contents(), ["before", ...missed, "after"]);
      const marked = tab.messages().filter({ hasText: "replayed" }).locator(".content");
      assert.deepEqual(await marked.allTextContents(), missed);
      await tab.page.getByText(/resumed: 3 missed messages replayed\./).waitFor();
      const ids = await tab.messages().locator(".id").allTextContents();
      assert.equal(new Set(ids).size, 5);
    });

    await step("something malformed ends in 4001 for good, until connected again", async () => {
      await tab.press("Send it");
      const close = await tab.closedWith(4001, "Malformed");
      await close.getByText("op is not a number").waitFor();
      await close.getByText(/the client is over, for good/).waitFor();
      await tab.clientIs("over");
      await tab.publish("missed after 4001");
      await tab.press("Connect again");
      await tab.clientIs("connected");
      await tab.message("missed after 4001");
      assert.deepEqual((await tab.contents()).slice(-2), ["after", "missed after 4001"]);
    });

    await step("a token that expires ends in 4003, and the client gets another", async () => {
      await tab.page.getByLabel("Seconds", { exact: true }).fill("1");
      await tab.press("Let it expire");
      const close = await tab.closedWith(4003, "IdentifyFailed");
      await close.getByText("no: get a new token first").waitFor();
      await close.getByText(/gets a new token, connects again/).waitFor();
      await close.getByText(/Back after .* resumed/).waitFor();
      await tab.clientIs("connected");
      await tab.publish("still here");
      await tab.message("still here");
    });

    await step("a disconnect by the backend ends in 4010, and is for the app", async () => {
      const other = new ConsolePage(await visitor.open());
      await other.logIn("alice");
      await other.connect();
      await tab.press("Disconnect this user");
      await tab.page.getByText("2 connections closed.").waitFor();
      await other.closedWith(4010, "Disconnected");
      const close = await tab.closedWith(4010, "Disconnected");
      await close.getByText(/The app decides whether/).waitFor();
      await tab.clientIs("over");
      await tab.card("What can go wrong").getByText(/^Closed with 4010: /).waitFor();
      await tab.press("Disconnect this user");
      await tab.page.getByText("0 connections closed.").waitFor();
      await tab.press("Connect again");
      await tab.clientIs("connected");
    });
  },
  { settings },
);
