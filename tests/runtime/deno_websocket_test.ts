/**
 * The socket of the `deno` transport: polling for unsent bytes.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { SocketListener } from "../../gateway/ports.ts";
import { DenoWebSocket } from "../../gateway/runtime/deno_websocket.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

/** An open WebSocket of the runtime, with a buffer that the test sets. */
class RuntimeSocket extends EventTarget {
  readonly readyState = WebSocket.OPEN;
  bufferedAmount = 1000;
  onclose: (() => void) | undefined;
}

function setUp() {
  const clock = new FakeClock();
  const runtime = new RuntimeSocket();
  const socket = new DenoWebSocket(runtime as unknown as WebSocket, {
    clock,
    logger: new FakeLogger(),
  });
  let flushed = 0;
  const listener: SocketListener = {
    messageReceived: () => {},
    controlReceived: () => {},
    violated: () => {},
    flushed: () => void flushed++,
    closed: () => {},
  };
  socket.listen(listener);
  /** The delays of as many polls. */
  const waits = (looks: number): number[] =>
    Array.from({ length: looks }, () => {
      const before = clock.steady();
      assert.equal(clock.pending, 1);
      clock.fireNext();
      return clock.steady() - before;
    });
  return { clock, runtime, socket, waits, flushed: () => flushed };
}

Deno.test("DenoWebSocket.notifyFlushed() looks less and less often, at least every 64 ms, until all is sent", () => {
  const { clock, runtime, socket, waits, flushed } = setUp();
  socket.notifyFlushed();
  socket.notifyFlushed();
  assert.deepEqual(waits(9), [1, 2, 4, 8, 16, 32, 64, 64, 64]);
  assert.equal(flushed(), 0);
  runtime.bufferedAmount = 0;
  assert.deepEqual(waits(1), [64]);
  assert.equal(flushed(), 1);
  assert.equal(clock.pending, 0);
});

Deno.test("DenoWebSocket.notifyFlushed() looks often again each time that it is asked", () => {
  const { runtime, socket, waits, flushed } = setUp();
  for (let page = 1; page <= 20; page++) {
    runtime.bufferedAmount = 1000;
    socket.notifyFlushed();
    assert.deepEqual(waits(2), [1, 2]);
    runtime.bufferedAmount = 0;
    waits(1);
    assert.equal(flushed(), page);
  }
});

Deno.test("DenoWebSocket looks for nothing any more once it is closed", () => {
  const { clock, runtime, socket, flushed } = setUp();
  socket.notifyFlushed();
  runtime.onclose?.();
  assert.equal(clock.pending, 0);
  assert.equal(flushed(), 0);
});
