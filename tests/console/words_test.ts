/**
 * The console's wording of close codes, claims, metrics, times and names.
 *
 * @module
 */

import assert from "node:assert/strict";
import { claimsOf } from "../../console/claims.ts";
import type { Publication } from "../../console/api.ts";
import { arrivalOf, type Audience, emptyText } from "../../console/audience.ts";
import { afterClose, explainClose } from "../../console/closes.ts";
import { parsePrometheus } from "../../console/prometheus.ts";
import {
  formatCountdown,
  formatDuration,
  formatTick,
  parseNames,
  plural,
  truncate,
  visible,
} from "../../console/text.ts";
import { CloseCode } from "../../gateway/protocol/codes.ts";

Deno.test("explainClose() has the name, the use and the advice of every code of the gateway", () => {
  for (const [name, { code, reconnect }] of Object.entries(CloseCode)) {
    const explained = explainClose(code);
    assert.equal(explained.name, name);
    assert.match(explained.reconnect, reconnect ? /^yes/ : /^no/);
    assert.ok(!explained.when.includes("`"), explained.when);
  }
  assert.equal(explainClose(4003).reconnect, "no: get a new token first");
});

Deno.test("explainClose() explains codes that are not the gateway's", () => {
  assert.match(explainClose(1006).when, /no close frame came/);
  assert.equal(explainClose(4999).reconnect, "yes");
});

Deno.test("afterClose() says what the client does, and who else has to do something", () => {
  const ready = { isPasted: false, wasReady: true };
  assert.match(
    afterClose({ code: 4002, retryInMs: 320, ...ready }),
    /^The client waits 320 ms, connects again by itself and resumes/,
  );
  const refused = { code: 4003, retryInMs: 320, wasReady: true };
  assert.match(afterClose({ ...refused, isPasted: false }), /gets a new token, connects again/);
  assert.match(afterClose({ ...refused, isPasted: true }), /another token: paste one in step 1\./);
  assert.doesNotMatch(afterClose({ ...refused, isPasted: true }), /gets a new token/);
  assert.match(afterClose({ code: 4001, ...ready }), /Look for the bug in it/);
  assert.match(afterClose({ code: 4010, ...ready }), /The app decides/);
  assert.match(afterClose({ code: 4011, ...ready }), /another tab or device/);
});

Deno.test("afterClose() knows a token that is too long from other text that is", () => {
  const token = afterClose({ code: 1009, isPasted: false, wasReady: false });
  assert.match(token, /token is too long .*--max-frame-bytes, 4096.*fewer channels/);
  const other = afterClose({ code: 1009, isPasted: false, wasReady: true });
  assert.match(other, /What was sent is too long .*--max-frame-bytes/);
  for (const text of [token, other]) assert.doesNotMatch(text, /Look for the bug/);
});

Deno.test("arrivalOf() knows messages to others alone", () => {
  const alice = { user: "alice", channels: ["general"] };
  const why = (target: Publication["target"], identity: Audience["identity"] = alice): string => {
    const arrival = arrivalOf(target, { identity, client: "ready", resumes: true });
    return arrival.is === "here" ? "" : `${arrival.is}: ${arrival.why}`;
  };
  for (const target of ["everyone", { channel: "general" }, { user: "alice" }] as const) {
    assert.equal(why(target), "");
  }
  assert.match(why({ channel: "team" }), /^missed: .*token of alice does not name/);
  assert.match(why({ user: "bob" }), /^missed: .*alice is logged in here/);
  assert.equal(why({ channel: "team" }, { user: undefined, channels: undefined }), "");
});

Deno.test("arrivalOf() knows what a page misses and what it gets once it is back", () => {
  const identity = { user: "alice", channels: ["general"] };
  const arrival = (audience: Partial<Audience>): string => {
    const whole = { identity, client: "none", resumes: false, ...audience } as const;
    const { is, ...rest } = arrivalOf("everyone", whole);
    return "why" in rest ? `${is}: ${rest.why}` : is;
  };
  assert.match(arrival({ identity: undefined }), /^missed: Nobody was logged in/);
  for (const client of ["none", "connecting", "waiting", "closed"] as const) {
    assert.match(arrival({ client }), /^missed: This page was not connected/);
  }
  for (const client of ["connecting", "waiting", "paused"] as const) {
    assert.match(arrival({ client, resumes: true }), /^later: .* once the client is back\.$/);
  }
  assert.match(arrival({ client: "closed", resumes: true }), /^later: .* once you connect/);
  assert.equal(arrival({ client: "ready" }), "here");
});

Deno.test("emptyText() says what to do next, and of what was missed that it was", () => {
  const identity = { from: "login", user: "a", channels: [], expiresAt: undefined } as const;
  const next = { client: "none", identity: undefined, published: undefined } as const;
  assert.match(emptyText(next), /^Log in \(step 1\) and connect \(step 2\)/);
  assert.match(emptyText({ ...next, identity }), /^Connect \(step 2\)[^.]*\.$/);
  assert.match(emptyText({ ...next, identity, client: "ready" }), /^Publish \(step 3\)/);
  const published = { arrival: { is: "missed", why: "It was early." } } as const;
  assert.match(
    emptyText({ ...next, identity, published }),
    /Messages that you published before .* not shown/,
  );
  const missed = emptyText({ identity, client: "ready", published });
  assert.match(missed, /not shown: It was early\. Publish another/);
});

Deno.test("claimsOf() reads a JWT's claims as UTF-8, and none of what is no JWT", () => {
  const bytes = new TextEncoder().encode('{"sub":"Zoë","exp":1.5,"channels":["a","b"]}');
  const payload = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
  assert.deepEqual(claimsOf(`e30.${payload}.x`), {
    user: "Zoë",
    channels: ["a", "b"],
    expiresAt: 1500,
  });
  for (const text of ["", "a.b.c", "only text", `e30.${btoa("7")}.x`]) {
    const none = { user: undefined, channels: undefined, expiresAt: undefined };
    assert.deepEqual(claimsOf(text), none, text);
  }
});

Deno.test("parsePrometheus() reads samples with and without labels, and passes over the rest", () => {
  const samples = parsePrometheus([
    "# HELP gateway_closes_total Connections that ended, by close code.",
    'gateway_closes_total{code="4002"} 3',
    'gateway_closes_total{code="peer"} 1e2',
    "gateway_connections_opened_total 7",
    'odd{a="quoted \\" and, comma",b="new\\nline"} +Inf',
    "",
  ].join("\n"));
  assert.deepEqual(samples.get("gateway_closes_total"), [
    { labels: { code: "4002" }, value: 3 },
    { labels: { code: "peer" }, value: 100 },
  ]);
  assert.deepEqual(samples.get("gateway_connections_opened_total"), [{ labels: {}, value: 7 }]);
  const labels = { a: 'quoted " and, comma', b: "new\nline" };
  assert.deepEqual(samples.get("odd"), [{ labels, value: Infinity }]);
  assert.equal(samples.size, 3);
});

Deno.test("times are written in the unit in which they are read", () => {
  const durations = [[-5, "0.0 ms"], [1.26, "1.3 ms"], [320.4, "320 ms"], [2340, "2.3 s"]] as const;
  for (const [ms, text] of durations) assert.equal(formatDuration(ms), text);
  assert.equal(formatCountdown(120), "0.1 s");
  assert.equal(formatCountdown(3_599_001), "1:00:00");
  assert.equal(formatCountdown(3_598_000), "59:58");
});

Deno.test("formatTick() is short, whatever the unit", () => {
  const ticks = [[0, "0 ms"], [0.5, "0.5 ms"], [999, "999 ms"], [1000, "1 s"], [12_500, "12.5 s"]];
  for (const [ms, text] of ticks) assert.equal(formatTick(Number(ms)), text);
});

Deno.test("visible() writes out what would not be seen, and leaves the rest", () => {
  assert.equal(visible("abc\u202Edcba"), "abc\\u202Edcba");
  assert.equal(visible("\u2066x\u2069 \u061C \0 \x9B"), "\\u2066x\\u2069 \\u061C \\u0000 \\u009B");
  assert.equal(visible("half \uD83D, and half \uDE00"), "half \\uD83D, and half \\uDE00");
  const seen = "Zoë, שלום, 😀 👩\u200D🚀\t\r\n";
  assert.equal(visible(seen), seen);
});

Deno.test("truncate() leaves no half character", () => {
  assert.equal(truncate("a😀b", 2), "a");
  assert.equal(truncate("a😀b", 3), "a😀");
  assert.equal(truncate("abc", 2), "ab");
});

Deno.test("parseNames() takes names between commas, each once", () => {
  assert.deepEqual(parseNames(" general, , team red,general"), ["general", "team red"]);
  assert.deepEqual(parseNames(""), []);
  assert.equal(plural(1, "message") + plural(2000, "message"), "1 message2,000 messages");
});
