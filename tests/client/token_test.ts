/**
 * Tokens: when the client requests one, and what it does with a bad one or without one.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway } from "../../mock/mod.ts";
import { App, breakable, stage } from "./support.ts";

const HOUR_MS = 3_600_000;

Deno.test("the client renews its token a minute before it expires, on the same connection", async () => {
  await using it = await stage({ expiresInS: 3600 });
  const { app, gateway } = it;
  await gateway.advance(6 * HOUR_MS);
  assert.deepEqual(app.codes, []);
  const minutes = app.requests.slice(1).map(({ reason, atMs }) => [reason, atMs / 60_000]);
  assert.deepEqual(
    minutes,
    [59, 118, 177, 236, 295, 354].map((atMinute) => ["expiring", atMinute]),
  );
  assert.equal(app.received(1).length, 7);
  assert.equal("last_id" in (app.received(1)[1] ?? {}), false);
  // The session is the same.
  assert.equal(app.readies.length, 1);
  assert.deepEqual(app.gaps, []);
});

Deno.test("a renewal moves nothing: what comes next is resumed from the last message", async () => {
  await using it = await stage({ expiresInS: 3600 });
  const [one] = await it.app.say("one");
  await it.gateway.advance(HOUR_MS);
  assert.equal(it.app.client.lastId, one);
  await it.gateway.drop();
  await it.app.say("two");
  await it.gateway.advance(500);
  assert.deepEqual(it.app.contents, ["one", "two"]);
});

Deno.test("the same token serves for reconnects, until it is to be renewed", async () => {
  await using it = await stage({ expiresInS: 3600 });
  for (let count = 0; count < 3; count++) {
    await it.gateway.drop();
    await it.gateway.advance(10_000);
  }
  assert.equal(it.app.readies.length, 4);
  assert.equal(it.app.requests.length, 1);
});

Deno.test("a client that is away asks for no token, and for one when it comes back", async () => {
  await using gateway = await createMockGateway();
  const network = breakable(gateway);
  await using app = new App(gateway, { WebSocket: network.WebSocket, expiresInS: 3600 });
  await gateway.settled();
  network.isBroken = true;
  await gateway.drop();
  // Reconnecting requests one when the token has expired, and then the timer requests the next.
  await gateway.advance(2 * HOUR_MS);
  network.isBroken = false;
  await gateway.advance(20_000);
  assert.equal(app.client.state, "ready");
  assert.deepEqual(app.requests.map(({ reason }) => reason), ["start", "expiring", "expiring"]);
});

Deno.test("after 4003 the client gets a new token first, and resumes", async () => {
  await using gateway = await createMockGateway();
  const opaque = new Map<string, string>();
  await using app = new App(gateway, {
    // The client cannot read when these expire, so the gateway must refuse them.
    getToken: async ({ reason }) => {
      const token = await gateway.token({ user: "alice", expiresInS: 60 });
      opaque.set(`opaque-${opaque.size}`, token);
      return reason === "refused"
        ? await gateway.token({ user: "alice" })
        : `opaque-${opaque.size - 1}`;
    },
    WebSocket: class extends gateway.WebSocket {
      override send(text: string): void {
        super.send(text.replace(/opaque-\d+/, (name) => opaque.get(name) ?? ""));
      }
    },
  });
  await gateway.settled();
  await app.say("one");
  await gateway.advance(59_999);
  assert.deepEqual(app.codes, []);
  await gateway.advance(1);
  assert.deepEqual(app.codes, [4003]);
  await app.say("two");
  await gateway.advance(500);
  assert.deepEqual(app.requests.map(({ reason }) => reason), ["start", "refused"]);
  assert.deepEqual(app.contents, ["one", "two"]);
  assert.equal(app.client.state, "ready");
});

Deno.test("getToken() that fails is an error, and called again after a delay", async () => {
  await using gateway = await createMockGateway();
  let failing = true;
  await using app = new App(gateway, {
    getToken: () => {
      if (failing) throw new Error("the login service is down");
      return gateway.token({ user: "alice" });
    },
  });
  await gateway.advance(3000);
  assert.equal(app.client.state, "waiting");
  assert.ok(app.errors.length >= 3);
  assert.equal(app.errors[0]?.message, "the login service is down");
  assert.deepEqual(app.disconnects, []);
  failing = false;
  await gateway.advance(20_000);
  assert.equal(app.client.state, "ready");
});

Deno.test("a renewal that fails is tried again while the session goes on", async () => {
  await using gateway = await createMockGateway();
  let failures = 3;
  await using app = new App(gateway, {
    getToken: async ({ reason }) => {
      if (reason === "expiring" && failures-- > 0) throw new Error("down");
      return await gateway.token({ user: "alice", expiresInS: 3600 });
    },
  });
  await gateway.advance(2 * HOUR_MS);
  assert.equal(app.errors.length, 3);
  assert.deepEqual(app.codes, []);
  assert.equal(app.client.state, "ready");
});

for (const token of ["", 7, undefined, false, { token: "x" }]) {
  Deno.test(`getToken() that gives ${JSON.stringify(token)} is an error that names it`, async () => {
    await using gateway = await createMockGateway();
    await using app = new App(gateway, { getToken: () => Promise.resolve(token as string) });
    await gateway.settled();
    assert.match(app.errors[0]?.message ?? "", /^getToken: expected the text of a token, got /);
    assert.equal(app.client.state, "waiting");
  });
}

for (
  const [name, thrown, message] of [
    ["a Response", Response.json({ error: "logged out" }, { status: 401 }), "[object Response]"],
    ["text", "logged out", "logged out"],
    ["an object without a prototype", Object.create(null), "[object Object]"],
    ["a symbol", Symbol("no"), "Symbol(no)"],
    ["nothing", undefined, "undefined"],
  ] as const
) {
  Deno.test(`getToken() that throws ${name} is an error with it as the cause`, async () => {
    await using gateway = await createMockGateway();
    for (
      const getToken of [() => Promise.reject(thrown), () => {
        throw thrown;
      }]
    ) {
      const app = new App(gateway, { getToken });
      await gateway.settled();
      assert.equal(app.errors[0]?.message, message);
      assert.equal(app.errors[0]?.cause, thrown);
      assert.equal(app.client.state, "waiting");
      await app.client.close();
    }
  });
}

Deno.test("an error that getToken() throws is emitted unchanged", async () => {
  await using gateway = await createMockGateway();
  const thrown = new DOMException("it took too long", "TimeoutError");
  await using app = new App(gateway, { getToken: () => Promise.reject(thrown) });
  await gateway.settled();
  assert.equal(app.errors[0], thrown);
});

Deno.test("the signal that getToken() is given is aborted with the client", async () => {
  await using gateway = await createMockGateway();
  let aborted = false;
  const app = new App(gateway, {
    getToken: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(signal.reason);
        });
      }),
  });
  await gateway.settled();
  await app.client.close();
  assert.equal(aborted, true);
  await gateway.settled();
  // A rejection after that is not emitted.
  assert.deepEqual(app.errors, []);
});

Deno.test("a request for a token that hangs is given up after 30 seconds, and made again", async () => {
  await using gateway = await createMockGateway();
  const signals: AbortSignal[] = [];
  const late = Promise.withResolvers<string>();
  await using app = new App(gateway, {
    getToken: ({ signal }) => {
      signals.push(signal);
      return signals.length === 1 ? late.promise : gateway.token({ user: "alice" });
    },
  });
  await gateway.advance(29_999);
  assert.equal(app.errors.length, 0);
  assert.equal(signals[0]?.aborted, false);
  await gateway.advance(1);
  assert.match(app.errors[0]?.message ?? "", /^getToken: no token within 30000 ms$/);
  assert.equal(signals[0]?.aborted, true);
  await gateway.advance(250);
  assert.equal(app.client.state, "ready");
  // A request that was answered is not aborted.
  assert.equal(signals[1]?.aborted, false);
  // A token that comes that late is not used.
  late.resolve(await gateway.token({ user: "eve" }));
  await gateway.advance(60_000);
  assert.equal(app.received(1).length, 1);
});

Deno.test("a renewal that hangs until the token has expired does not hold the client", async () => {
  await using gateway = await createMockGateway();
  const signals: AbortSignal[] = [];
  await using app = new App(gateway, {
    getToken: ({ signal }) => {
      signals.push(signal);
      return signals.length === 2
        ? new Promise(() => {})
        : gateway.token({ user: "alice", expiresInS: 20 });
    },
  });
  await gateway.advance(20_000);
  assert.deepEqual(app.codes, [4003]);
  assert.equal(signals[1]?.aborted, true);
  await gateway.advance(250);
  assert.equal(app.client.state, "ready");
  assert.deepEqual(app.requests.map(({ reason }) => reason), ["start", "expiring", "refused"]);
});

Deno.test("a token that is still good is used while no other can be had", async () => {
  await using gateway = await createMockGateway();
  await using app = new App(gateway, {
    getToken: ({ reason }) => {
      if (reason === "expiring") throw new Error("the login service is down");
      return gateway.token({ user: "alice", expiresInS: 3600 });
    },
  });
  await gateway.advance(HOUR_MS - 50_000);
  await gateway.drop();
  await gateway.advance(1000);
  assert.equal(app.client.state, "ready");
  await gateway.advance(40_000);
  assert.deepEqual(app.codes, [1006]);
});

Deno.test("a token that is renewed while the client connects is the one that it identifies with", async () => {
  await using gateway = await createMockGateway();
  await using app = new App(gateway, { expiresInS: 3600 });
  await gateway.advance(HOUR_MS - 61_000);
  await gateway.setFaults("all", { delayMs: 2000 });
  await gateway.drop();
  await gateway.advance(20_000);
  assert.equal(app.client.state, "ready");
  await gateway.setFaults("all", { delayMs: 0 });
  await gateway.advance(HOUR_MS - 120_000);
  assert.deepEqual(app.codes, [1006]);
});

Deno.test("a token that comes after the client was closed is not used", async () => {
  await using gateway = await createMockGateway();
  let give = (_token: string): void => {};
  const app = new App(gateway, { getToken: () => new Promise((resolve) => give = resolve) });
  await gateway.settled();
  await app.client.close();
  give(await gateway.token());
  await gateway.advance(60_000);
  assert.equal(gateway.connections.length, 0);
  assert.equal(gateway.transcript.length, 0);
});

for (const kind of ["at once", "in a promise"]) {
  Deno.test(`getToken() that gives null ${kind} closes the client as close() does`, async () => {
    await using gateway = await createMockGateway();
    const answer = kind === "at once" ? null : Promise.resolve(null);
    const app = new App(gateway, { getToken: () => answer, silent: true });
    const loop = Array.fromAsync(app.client);
    await gateway.advance(3_600_000);
    assert.deepEqual(app.states, ["connecting", "closed"]);
    assert.deepEqual([app.closes, app.errors, app.disconnects], [[undefined], [], []]);
    assert.deepEqual(await loop, []);
    await app.client.closed;
    assert.equal(app.requests.length, 1);
    assert.equal(gateway.transcript.length, 0);
  });
}

Deno.test("getToken() that gives null for a renewal ends the session, after what is queued", async () => {
  await using gateway = await createMockGateway();
  const signals: AbortSignal[] = [];
  const app = new App(gateway, {
    getToken: ({ reason, signal }) => {
      signals.push(signal);
      return reason === "start" ? gateway.token({ expiresInS: 3600 }) : null;
    },
    silent: true,
  });
  await gateway.settled();
  await app.say("one");
  await gateway.advance(HOUR_MS - 60_001);
  assert.equal(app.client.state, "ready");
  await gateway.advance(1);
  assert.equal(app.client.state, "closed");
  assert.deepEqual([app.closes, app.errors, app.disconnects], [[undefined], [], []]);
  assert.deepEqual((await Array.fromAsync(app.client)).map(({ content }) => content), ["one"]);
  await app.client.closed;
  assert.equal(gateway.connections.length, 0);
  // It was answered.
  assert.equal(signals[1]?.aborted, false);
});

Deno.test("getToken() that gives null for a token that was refused ends the client without an error", async () => {
  await using gateway = await createMockGateway();
  const app = new App(gateway, {
    getToken: ({ reason }) => reason === "refused" ? null : gateway.token({ fault: "expired" }),
  });
  await gateway.advance(20_000);
  assert.deepEqual(app.codes, [4003]);
  assert.deepEqual([app.client.state, app.closes], ["closed", [undefined]]);
});
