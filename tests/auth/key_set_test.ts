/**
 * `KeySet`: the times of its requests, and the keys that it uses while the issuer does not answer.
 *
 * @module
 */

import assert from "node:assert/strict";
import { KeySet } from "../../auth/mod.ts";
import { OperationalError } from "../../gateway/errors.ts";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { down, hanging, saying, type World, world } from "./support.ts";

const UNREACHABLE = { name: "OperationalError", code: "issuer_unreachable" };
const FAILED = "the issuer's keys cannot be fetched";

async function accepts({ issuer, verifier }: World): Promise<boolean> {
  return (await verifier.verify(await issuer.token())).ok;
}

/** True if `token` is accepted, after all that verification waits for. */
async function acceptsInTime({ verifier, clock }: World, token: string): Promise<boolean> {
  const verdict = verifier.verify(token);
  await settle();
  await clock.advance(5000);
  return (await verdict).ok;
}

/** Asserts the refusal of a token whose key the issuer does not publish. */
async function refusesStranger({ issuer, verifier }: World): Promise<void> {
  const verdict = await verifier.verify(await issuer.token({ fault: "unknown_key" }));
  assert.ok(!verdict.ok);
  assert.match(verdict.reason, /publishes no usable key/);
}

Deno.test("KeySet fetches at first use, once, and asks as it should", async () => {
  const w = await world();
  assert.equal(w.network.count, 0);
  for (let i = 0; i < 5; i++) assert.ok(await accepts(w));
  assert.equal(w.network.count, 1);
  const [request] = w.network.requests;
  assert.equal(request?.url, "https://mock.emagine.invalid/.well-known/jwks.json");
  assert.equal(request?.redirect, "manual");
  assert.match(request?.headers.get("accept") ?? "", /application\/json/);
  assert.equal(w.clock.pending, 0);
  assert.deepEqual(w.log.lines, []);
});

Deno.test("KeySet shares one fetch between everyone who waits for it", async () => {
  const w = await world();
  const results = await Promise.all(Array.from({ length: 20 }, () => accepts(w)));
  assert.ok(results.every(Boolean));
  assert.equal(w.network.count, 1);
});

Deno.test("prefetch() has the set ready before its first use, also when asked twice", async () => {
  const w = await world();
  await Promise.all([w.keys.prefetch(), w.keys.prefetch()]);
  await w.keys.prefetch();
  w.network.answer = down;
  assert.ok(await accepts(w));
  assert.equal(w.network.count, 1);
});

Deno.test("prefetch() resolves and logs when the issuer is down", async () => {
  const w = await world();
  w.network.answer = down;
  await w.keys.prefetch();
  assert.deepEqual(w.log.messages("warn"), [FAILED]);
});

Deno.test("KeySet accepts a new key without a restart, and still the old one", async () => {
  const w = await world();
  const old = await w.issuer.token();
  assert.ok((await w.verifier.verify(old)).ok);
  await w.issuer.rotate();
  assert.ok(await accepts(w));
  assert.equal(w.network.count, 2);
  assert.ok((await w.verifier.verify(old)).ok);
  assert.equal(w.network.count, 2);
});

Deno.test("KeySet drops a key that the issuer has retired", async () => {
  const w = await world();
  const old = await w.issuer.token();
  assert.ok((await w.verifier.verify(old)).ok);
  await w.issuer.rotate({ retire: true });
  assert.ok(await accepts(w));
  assert.ok(!await acceptsInTime(w, old));
});

Deno.test("KeySet asks for unknown keys at most once in 5 s, whatever their names", async () => {
  const w = await world();
  assert.ok(await accepts(w));
  await refusesStranger(w);
  assert.equal(w.network.count, 2);
  for (let round = 0; round < 3; round++) {
    const strangers = await Promise.all(
      Array.from({ length: 20 }, () => w.issuer.token({ fault: "unknown_key" })),
    );
    const verdicts = strangers.map((token) => w.verifier.verify(token));
    await settle();
    assert.equal(w.clock.pending, 1, "they share one timer");
    await w.clock.advance(4999);
    assert.equal(w.network.count, 2 + round);
    await w.clock.advance(1);
    for (const { ok } of await Promise.all(verdicts)) assert.ok(!ok);
    assert.equal(w.network.count, 3 + round);
  }
  assert.equal(w.clock.pending, 0);
});

Deno.test("KeySet refuses no key that is published, whatever strangers asked for before", async () => {
  const w = await world();
  assert.ok(await accepts(w));
  await refusesStranger(w);
  await w.issuer.rotate();
  assert.ok(await acceptsInTime(w, await w.issuer.token()));
});

Deno.test("KeySet refuses no key that was published during a stranger's fetch", async () => {
  const w = await world();
  assert.ok(await accepts(w));
  const old = JSON.stringify(w.issuer.jwks());
  const answer = Promise.withResolvers<Response>();
  w.network.answer = () => answer.promise;
  const stranger = w.verifier.verify(await w.issuer.token({ fault: "unknown_key" }));
  await settle();
  assert.equal(w.network.count, 2);
  await w.issuer.rotate();
  const verdict = w.verifier.verify(await w.issuer.token());
  await settle();
  w.network.answer = w.issuer.fetch;
  answer.resolve(new Response(old));
  assert.ok(!(await stranger).ok);
  await settle();
  await w.clock.advance(5000);
  assert.ok((await verdict).ok);
  assert.equal(w.network.count, 3);
});

Deno.test("KeySet lets all who come with a new key share one fetch, without a wait", async () => {
  const w = await world();
  assert.ok(await accepts(w));
  await w.issuer.rotate();
  const results = await Promise.all(Array.from({ length: 20 }, () => accepts(w)));
  assert.ok(results.every(Boolean));
  assert.equal(w.network.count, 2);
  assert.equal(w.clock.pending, 0);
});

Deno.test("KeySet asks once, not twice, when the very first token names an unknown key", async () => {
  const w = await world();
  await refusesStranger(w);
  assert.equal(w.network.count, 1);
});

Deno.test("KeySet renews a set in the background once it is 10 min old", async () => {
  const w = await world();
  assert.ok(await accepts(w));
  await w.clock.advance(599_999);
  assert.ok(await accepts(w));
  assert.equal(w.network.count, 1);
  await w.clock.advance(1);
  // The request that finds it old does not wait for the new one.
  w.network.answer = hanging;
  assert.ok(await accepts(w));
  assert.ok(await accepts(w));
  assert.equal(w.network.count, 2);
  await w.clock.advance(5000);
  assert.deepEqual(w.log.messages("warn"), [FAILED]);

  w.network.answer = w.issuer.fetch;
  await w.clock.advance(24_999);
  assert.ok(await accepts(w));
  assert.equal(w.network.count, 2, "a failed renewal is tried again after 30 s");
  await w.clock.advance(1);
  assert.ok(await accepts(w));
  await settle();
  assert.equal(w.network.count, 3);
  assert.deepEqual(w.log.messages("info"), ["JWKS fetch recovered"]);
  await w.clock.advance(599_999);
  assert.ok(await accepts(w));
  assert.equal(w.network.count, 3);
});

Deno.test("KeySet asks before it goes by a set that is an hour old", async () => {
  const w = await world();
  const old = await w.issuer.token({ expiresInS: 86_400 });
  assert.ok((await w.verifier.verify(old)).ok);
  await w.issuer.rotate({ retire: true });
  await w.clock.advance(3_600_000);
  assert.ok(!(await w.verifier.verify(old)).ok);
});

Deno.test("KeySet goes on with the set it has for as long as the issuer is down", async () => {
  const w = await world();
  assert.ok(await accepts(w));
  w.network.answer = down;
  for (let hour = 0; hour < 48; hour++) {
    await w.clock.advance(3_600_000);
    assert.ok(await accepts(w));
    await refusesStranger(w);
  }
  assert.deepEqual(w.log.messages("warn"), [FAILED]);
  const { fields } = w.log.lines[0] ?? {};
  assert.equal(fields?.["cached"], true);
  assert.equal(fields?.["url"], String(w.issuer.jwksUrl));
});

Deno.test("KeySet says issuer_unreachable without a set, and tries again after 1 s", async () => {
  const w = await world();
  w.network.answer = down;
  const token = await w.issuer.token();
  const attempts = await Promise.allSettled([w.verifier.verify(token), w.verifier.verify(token)]);
  for (const attempt of attempts) {
    assert.ok(attempt.status === "rejected");
    assert.equal(attempt.reason.code, UNREACHABLE.code);
    assert.match(String(attempt.reason.cause), /connection refused/);
  }
  w.network.answer = w.issuer.fetch;
  await w.clock.advance(999);
  await assert.rejects(w.verifier.verify(token), UNREACHABLE);
  assert.equal(w.network.count, 1);
  await w.clock.advance(1);
  assert.ok((await w.verifier.verify(token)).ok);
  assert.equal(w.network.count, 2);
  assert.deepEqual(w.log.lines.map(({ level }) => level), ["warn", "info"]);
});

Deno.test("KeySet gives up a fetch that takes 5 s, in its head or in its body", async () => {
  const stuckBody = (request: Request) => {
    const body = new ReadableStream({
      start: (stream) => {
        stream.enqueue(new TextEncoder().encode('{"keys":'));
        request.signal.addEventListener("abort", () => stream.error(request.signal.reason));
      },
    });
    return Promise.resolve(new Response(body));
  };
  for (const answer of [hanging, stuckBody]) {
    const w = await world();
    w.network.answer = answer;
    let outcome = "";
    const finding = w.keys.find({ alg: "EdDSA" }).catch((error) => {
      outcome = `${error.code}: ${error.cause.message}`;
    });
    await w.clock.advance(4999);
    assert.equal(outcome, "");
    await w.clock.advance(1);
    await finding;
    assert.equal(outcome, "issuer_unreachable: no answer within 5000 ms");
    assert.equal(w.clock.pending, 0);
  }
});

Deno.test("KeySet takes no answer that is not a key set", async (t) => {
  const set = JSON.stringify((await world()).issuer.jwks());
  const cases: Readonly<Record<string, ReturnType<typeof saying>>> = {
    "not JSON": saying("<html>"),
    "empty": saying(""),
    "cut off": saying(set.slice(0, -1)),
    "null": saying("null"),
    "an array": saying("[]"),
    "no keys": saying("{}"),
    "keys that are no array": saying('{"keys":{}}'),
    "status 404": saying(set, 404),
    "status 500": saying(set, 500),
    "status 201": saying(set, 201),
    "longer than 256 KiB": saying(set + " ".repeat(262_144)),
  };
  for (const [name, answer] of Object.entries(cases)) {
    await t.step(name, async () => {
      const w = await world();
      w.network.answer = answer;
      await assert.rejects(w.keys.find({ alg: "EdDSA" }), UNREACHABLE);
      await w.clock.advance(1000);
      w.network.answer = w.issuer.fetch;
      assert.ok(await accepts(w));
      // Such an answer does not replace a good set.
      w.network.answer = answer;
      await refusesStranger(w);
      assert.ok(await accepts(w));
      assert.deepEqual(w.log.messages("warn"), [FAILED, FAILED]);
    });
  }
});

Deno.test("KeySet says where an issuer redirects to, without the query, and does not go there", async () => {
  for (
    const [location, shown] of [
      ["https://other.test/keys?token=hush", "https://other.test/keys?…"],
      ["/keys?token=hush", "https://mock.emagine.invalid/keys?…"],
      ["http://", "nowhere"],
    ] as const
  ) {
    const w = await world();
    w.network.answer = () =>
      Promise.resolve(new Response("", { status: 302, headers: { location } }));
    await assert.rejects(w.keys.find({ alg: "EdDSA" }), UNREACHABLE);
    assert.equal(w.network.count, 1);
    const error = String(w.log.lines[0]?.fields?.["error"]);
    assert.ok(error.includes(`status 302, a redirect to ${shown} that is not followed`), error);
  }
});

Deno.test("KeySet stops a download as soon as it is too long", async () => {
  const w = await world();
  let chunks = 0;
  let cancelled = false;
  w.network.answer = () => {
    const pull = (stream: ReadableStreamDefaultController) => {
      chunks++;
      stream.enqueue(new Uint8Array(65_536));
    };
    const cancel = () => void (cancelled = true);
    return Promise.resolve(new Response(new ReadableStream({ pull, cancel })));
  };
  await assert.rejects(w.keys.find({ alg: "EdDSA" }), UNREACHABLE);
  assert.ok(cancelled);
  assert.ok(chunks < 10, `${chunks} chunks of 64 KiB`);
});

Deno.test("KeySet takes an empty set at its word: nothing is signed by this issuer", async () => {
  const w = await world();
  assert.ok(await accepts(w));
  w.network.answer = saying('{"keys":[]}');
  await refusesStranger(w);
  assert.ok(!await acceptsInTime(w, await w.issuer.token()));
});

Deno.test("KeySet refuses a URL that is not of the web or holds a password", () => {
  const options = { fetch: down, clock: new FakeClock(), log: new FakeLogger() };
  for (const url of ["file:///jwks.json", "data:,{}", "ftp://a.test/", "https://u:hush@a.test/"]) {
    assert.throws(() => new KeySet({ ...options, url: new URL(url) }), (error) => {
      assert.ok(error instanceof OperationalError);
      assert.equal(error.code, "bad_configuration");
      assert.ok(!error.message.includes("hush"));
      return true;
    });
  }
});
