/**
 * The console behind a reverse proxy that serves it under a path.
 *
 * @module
 */

import assert from "node:assert/strict";
import { browser } from "./support/chromium.ts";
import { ConsolePage } from "./support/console.ts";
import { PrefixProxy } from "./support/prefix_proxy.ts";
import { browserTest } from "./support/suite.ts";
import { Visitor } from "./support/visitor.ts";

browserTest("a console under a path prefix does all that it does without", async ({ gateway }) => {
  using proxy = new PrefixProxy(gateway.url, "/chat");
  await using visitor = new Visitor(await browser(), proxy.url);
  const alice = new ConsolePage(await visitor.open({ path: "/chat/?user=alice" }));
  await alice.logIn();
  await alice.connect();
  await alice.publish("Hello under a prefix");
  await alice.message("Hello under a prefix");
  assert.deepEqual(await alice.contents(), ["Hello under a prefix"]);
  await alice.card("With the server").getByText("Connections", { exact: true }).first().waitFor();
  const links = await alice.page.evaluate<string[]>(
    "[...document.querySelectorAll('a:not([href^=\"#\"])')].map(({ href }) => href)",
  );
  assert.ok(links.length >= 4);
  for (const link of links) {
    assert.ok(link.startsWith(`${proxy.url}/chat/`), link);
    const answer = await fetch(link);
    await answer.body?.cancel();
    assert.equal(answer.status, 200, link);
  }
  await visitor.shoot(alice.page, "under a prefix");
  visitor.check();
});
