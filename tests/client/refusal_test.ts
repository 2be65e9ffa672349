/**
 * Refused tokens: a temporary fault does not end the client, a permanent one does, within two minutes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ReconnectBackoff } from "../../client/backoff.ts";
import { CloseCode } from "../../gateway/protocol/codes.ts";
import { GatewayError } from "../../client/mod.ts";
import { createMockGateway, type TokenFault } from "../../mock/mod.ts";
import { Random } from "../../mock/chaos/random.ts";
import { App, breakable } from "./support.ts";

const HOUR_MS = 3_600_000;

Deno.test("the client gives up when five refusals count, each 15 seconds after the one before", async () => {
  await using gateway = await createMockGateway();
  const app = new App(gateway, { getToken: () => gateway.token({ fault: "wrong_signature" }) });
  await gateway.advance(HOUR_MS);
  assert.deepEqual(new Set(app.codes), new Set([4003]));
  assert.deepEqual(
    app.requests.map(({ reason }) => reason),
    app.codes.map((_, index) => index === 0 ? "start" : "refused"),
  );
  // With delays between them.
  assert.deepEqual(
    app.disconnects.map(({ retryInMs }) => retryInMs),
    [250, 500, 1000, 2000, 4000, 8000, ...Array(6).fill(10_000), undefined],
  );
  // The first, and those after 15.75, 35.75, 55.75 and 75.75 seconds.
  assert.equal(app.disconnects.at(-1)?.atMs, 75_750);
  const [error] = app.closes;
  assert.ok(error instanceof GatewayError);
  assert.equal(error.closeCode, 4003);
  assert.match(error.message, /4003 IdentifyFailed: /);
});

Deno.test("a row of refusals is final after one to two and a third minutes, whatever the jitter", () => {
  for (let seed = 0; seed < 1000; seed++) {
    const random = new Random(`${seed}`);
    const backoff = new ReconnectBackoff(() => random.unit());
    let now = 0;
    while (true) {
      backoff.ended(CloseCode.IdentifyFailed.code, now);
      if (backoff.isFinallyRefused) break;
      now += backoff.next();
    }
    assert.ok(now >= 60_000 && now <= 140_000, `${now} ms with seed ${seed}`);
  }
});

Deno.test("a token that is not valid yet is given until it is, and does not end the client", async () => {
  await using gateway = await createMockGateway();
  const nbf = Math.floor(gateway.clock.now() / 1000) + 30;
  const token = await gateway.token({ user: "alice", claims: { nbf } });
  await using app = new App(gateway, { getToken: () => token });
  await gateway.advance(20_000);
  assert.ok(app.codes.length > 5);
  assert.equal(app.disconnects[0]?.reason, "the token is not valid yet");
  await gateway.advance(20_000);
  assert.equal(app.client.state, "ready");
});

Deno.test("a key that the issuer publishes half a minute late does not end the client", async () => {
  await using gateway = await createMockGateway();
  await using app = new App(gateway, {
    getToken: () =>
      gateway.token(
        gateway.clock.elapsedMs < 30_000 ? { fault: "unknown_key" } : { user: "alice" },
      ),
  });
  await gateway.advance(45_000);
  assert.equal(app.client.state, "ready");
});

Deno.test("an app that makes the client try at once after each refusal ends it no sooner", async () => {
  await using gateway = await createMockGateway();
  let isGood = false;
  await using app = new App(gateway, {
    getToken: () => gateway.token(isGood ? { user: "alice" } : { fault: "wrong_signature" }),
  });
  for (let count = 0; count < 20; count++) {
    await gateway.settled();
    assert.equal(app.client.state, "waiting");
    app.client.check();
  }
  isGood = true;
  await gateway.advance(20_000);
  assert.equal(app.client.state, "ready");
});

Deno.test("refusals in quick succession count as one, also if the network was gone since", async () => {
  await using gateway = await createMockGateway();
  const network = breakable(gateway);
  await using app = new App(gateway, {
    WebSocket: network.WebSocket,
    getToken: () => gateway.token({ fault: "wrong_signature" }),
  });
  await gateway.advance(4000);
  assert.equal(app.codes.length, 5);
  network.isBroken = true;
  await gateway.advance(HOUR_MS);
  network.isBroken = false;
  await gateway.advance(20_000);
  assert.equal(app.codes.at(-1), 4003);
  assert.equal(app.client.state, "waiting");
});

Deno.test("a gateway that cannot ask its issuer ends no client, however long that takes", async () => {
  await using gateway = await createMockGateway();
  /** Answers Identify as the gateway does while it cannot reach the issuer. */
  class Unverified {
    readonly readyState = 1;
    onopen: (() => void) | undefined;
    onmessage: unknown;
    onclose: ((event: object) => void) | undefined;
    onerror: unknown;
    constructor() {
      gateway.clock.setTimer(1, () => this.onopen?.());
    }
    send(): void {
      this.onclose?.({ code: 1011, reason: "the issuer's keys cannot be fetched" });
    }
    close(): void {}
  }
  await using app = new App(gateway, { WebSocket: Unverified });
  await gateway.advance(HOUR_MS);
  assert.ok(app.codes.length > 100);
  assert.deepEqual(new Set(app.codes), new Set([1011]));
  assert.deepEqual(app.requests.map(({ reason }) => reason), ["start"]);
  assert.deepEqual(app.closes, []);
});

Deno.test("a refusal does not wait for what failed before it", async () => {
  await using gateway = await createMockGateway();
  const network = breakable(gateway);
  network.isBroken = true;
  await using app = new App(gateway, {
    WebSocket: network.WebSocket,
    getToken: ({ reason }) =>
      gateway.token(reason === "refused" ? { user: "alice" } : { fault: "expired" }),
  });
  await gateway.advance(120_000);
  network.isBroken = false;
  await gateway.advance(20_000);
  const refused = app.disconnects.find(({ code }) => code === 4003);
  assert.equal(refused?.retryInMs, 250);
  assert.equal(app.client.state, "ready");
});

Deno.test("refusals count in a row only: a Ready between them resets the count", async () => {
  await using gateway = await createMockGateway();
  const faults: (TokenFault | undefined)[] = [];
  for (let round = 0; round < 4; round++) {
    faults.push("expired", "tampered", "no_subject", undefined);
  }
  await using app = new App(gateway, {
    getToken: () => {
      const fault = faults.shift();
      return gateway.token(fault === undefined ? { user: "alice" } : { fault });
    },
  });
  for (let round = 0; round < 4; round++) {
    await gateway.advance(10_000);
    assert.equal(app.client.state, "ready");
    await gateway.close("all", { code: 4003 });
  }
});

Deno.test("the end of a session that expired is no refusal that counts", async () => {
  await using gateway = await createMockGateway();
  let bad = 0;
  await using app = new App(gateway, {
    getToken: ({ reason }) => {
      if (reason === "start" || bad === 4) return gateway.token({ user: "alice" });
      bad += 1;
      return gateway.token({ fault: "wrong_signature" });
    },
  });
  await gateway.settled();
  await gateway.close("all", { code: 4003 });
  await gateway.advance(20_000);
  assert.deepEqual(app.codes, [4003, 4003, 4003, 4003, 4003]);
  assert.equal(app.client.state, "ready");
});
