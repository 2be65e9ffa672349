/**
 * A client that never opens a socket, because its URL is wrong or its origin refused. Browsers do not report the
 * cause, so the client lists once what to check.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway } from "../../mock/mod.ts";
import { App, breakable } from "./support.ts";

Deno.test("the third attempt that opens no socket emits one error, which names the URL and what to check", async () => {
  await using gateway = await createMockGateway();
  await using app = new App(gateway, { url: "wss://me:secret@chat.example.com/gatway?key=secret" });
  await gateway.advance(250);
  assert.deepEqual([app.codes, app.errors], [[1006, 1006], []]);
  await gateway.advance(3_600_000);
  assert.ok(app.codes.length > 100);
  assert.equal(app.errors.length, 1);
  const message = app.errors[0]?.message ?? "";
  assert.match(message, /^wss:\/\/chat\.example\.com\/gatway cannot be opened/);
  for (const what of [/path is \/gateway/, /GATEWAY_ALLOWED_ORIGINS/, /connect-src/]) {
    assert.match(message, what);
  }
  assert.doesNotMatch(message, /secret/);
  assert.equal(app.client.state, "waiting");
});

Deno.test("a socket that was open once is no fault of the URL, however long the gateway is away then", async () => {
  await using gateway = await createMockGateway();
  const network = breakable(gateway);
  network.isBroken = true;
  // It is refused and never ready, but the socket was open.
  await using app = new App(gateway, {
    WebSocket: network.WebSocket,
    getToken: () => gateway.token({ fault: "wrong_signature" }),
  });
  await gateway.advance(0);
  network.isBroken = false;
  await gateway.advance(250);
  assert.deepEqual(app.codes, [1006, 4003]);
  network.isBroken = true;
  await gateway.advance(3_600_000);
  assert.deepEqual(app.errors, []);
});

Deno.test("an error of a client that never opens a socket has what the platform says of it", async () => {
  await using gateway = await createMockGateway();
  class Refused extends EventTarget {
    readonly readyState = 0;
    onopen: unknown;
    onmessage: unknown;
    onclose: unknown;
    onerror: ((event: object) => void) | undefined;
    constructor() {
      super();
      gateway.clock.setTimer(1, () => this.onerror?.({ message: "connect ECONNREFUSED ::1:9299" }));
    }
    send(): void {}
    close(): void {}
  }
  const app = new App(gateway, { WebSocket: Refused });
  app.client.on("error", () => void app.client.close());
  await gateway.advance(60_000);
  assert.match(
    app.errors[0]?.message ?? "",
    /cannot be opened \(connect ECONNREFUSED ::1:9299\): /,
  );
  assert.equal(app.errors.length, 1);
  assert.deepEqual(app.closes, [undefined]);
});
