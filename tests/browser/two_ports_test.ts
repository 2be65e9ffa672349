/**
 * The console on the backend's port, with clients on another one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { browser } from "./support/chromium.ts";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";
import { Visitor } from "./support/visitor.ts";

browserTest(
  "a console with a port of its own logs in and connects at the other",
  async ({ gateway }) => {
    const { fields } = JSON.parse(await gateway.logLine('"listening"'));
    await using visitor = new Visitor(await browser(), fields.api);
    const { host } = new URL(gateway.url);
    visitor.allow(new RegExp(`^request to another host: (?:http|ws)://${host}/(?:login|gateway)$`));
    const alice = new ConsolePage(await visitor.open());
    await alice.logIn();
    await alice.connect();
    await alice.publish("Hello over two ports");
    await alice.message("Hello over two ports");
    assert.deepEqual(await alice.contents(), ["Hello over two ports"]);
    await visitor.shoot(alice.page, "two ports");
    visitor.check();
  },
  { settings: { GATEWAY_API_PORT: "0" } },
);
