/**
 * Reports of a lost connection, as runtimes make them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Disconnect, GatewayClient } from "../../client/mod.ts";

/** A socket that never opened, as Deno reports it: an error, then a close with code 0. */
class GoneSocket {
  readonly readyState = 3;
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;

  constructor() {
    queueMicrotask(() => {
      if (typeof this.onerror === "function") this.onerror({ message: "connection refused" });
      if (typeof this.onclose === "function") this.onclose({ code: 0, reason: "" });
    });
  }

  send(): void {}
  close(): void {}
}

Deno.test("disconnect has code 1006 where no close frame came, and the reason that the runtime gives", async () => {
  await using client = new GatewayClient({
    url: "ws://gateway.example/gateway",
    WebSocket: GoneSocket,
    getToken: () => "a token",
  });
  const { code, reason } = await new Promise<Disconnect>((resolve) =>
    client.on("disconnect", resolve)
  );
  assert.equal(code, 1006);
  assert.equal(reason, "connection refused");
});
