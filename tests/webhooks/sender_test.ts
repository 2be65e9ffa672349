/**
 * One request: its signature, and what of it may be in the log.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { refused, SECRET, status, World } from "./support.ts";

Deno.test("a webhook is signed after Standard Webhooks, each attempt with its time", async () => {
  const world = await World.started();
  world.answer = status(500);
  world.online("älice \u{1f600}");
  await world.clock.advance(10_000);
  const key = new Uint8Array(atob(SECRET.slice(6)).length).map((_, i) => {
    return atob(SECRET.slice(6)).charCodeAt(i);
  });
  assert.ok(world.received.length > 2);
  for (const { url, init, atMs } of world.received) {
    assert.equal(url, "https://app.example.com/hooks");
    const { "webhook-id": id, "webhook-timestamp": time, ...headers } = init.headers;
    assert.equal(time, String(Math.floor(atMs / 1000)));
    const signed = createHmac("sha256", key).update(`${id}.${time}.${init.body}`);
    assert.deepEqual(headers, {
      "content-type": "application/json",
      "webhook-signature": `v1,${signed.digest("base64")}`,
    });
    assert.equal(init.redirect, "manual");
  }
  assert.match(world.received[0]?.init.headers["webhook-id"] ?? "", /^msg_[0-9a-z]+$/);
  const { timestamp } = JSON.parse(world.received[0]?.init.body ?? "");
  assert.equal(timestamp, "2023-11-14T22:13:20.000Z");
});

Deno.test("a redirect is not followed, and counts as not taken", async () => {
  const world = await World.started();
  world.answer = status(307);
  world.online("alice");
  await world.clock.advance(5000);
  assert.ok(world.received.length > 1);
  assert.match(world.logger.text(), /answered with 307/);
});

Deno.test("the body of an answer is not read", async () => {
  const world = await World.started();
  let cancelled = false;
  const body = new ReadableStream({ cancel: () => void (cancelled = true) });
  world.answer = () => Promise.resolve(new Response(body));
  world.online("alice");
  await world.clock.advance(5000);
  assert.ok(cancelled);
  assert.equal(world.webhooks.waiting, 0);
});

Deno.test("an outage is a line a minute, without the path or the query of the URL", async () => {
  const url = "https://app.example.com/hooks/hush1?key=hush2#hush3";
  const world = await World.started({ url });
  const cause = new Error(`error sending request for url (${url})`);
  world.answer = () => Promise.reject(new TypeError("fetch failed", { cause }));
  world.online("alice");
  await world.clock.advance(5 * 60_000);
  assert.equal(world.logger.messages("warn").length, 5);
  assert.ok(world.received.length > 10);
  world.answer = status(200);
  await world.clock.advance(60_000);
  assert.deepEqual(world.logger.messages("info"), ["webhooks are taken again"]);
  const text = world.logger.text();
  assert.match(text, /fetch failed: error sending .+ \(https:\/\/app\.example\.com/);
  assert.doesNotMatch(text, /hush|whsec|C2FV|alice/);
});

Deno.test("after an outage the next failure has its line at once", async () => {
  const world = await World.started();
  for (let outage = 1; outage <= 2; outage++) {
    world.answer = refused;
    if (outage === 1) world.online("alice");
    else world.offline("alice");
    await world.clock.advance(5000);
    assert.equal(world.logger.messages("warn").length, outage);
    world.answer = status(200);
    await world.clock.advance(30_000);
  }
});
