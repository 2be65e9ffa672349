/**
 * The socket of the `deno` transport: its events, and polling for unsent bytes.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Socket, SocketListener } from "../../gateway/ports.ts";
import { DenoWebSocket } from "../../gateway/runtime/deno_websocket.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

/** A WebSocket of the runtime, with a buffer that the test sets. */
class RuntimeSocket extends EventTarget {
  readonly readyState = WebSocket.OPEN;
  bufferedAmount = 1000;
}

function upgrade() {
  const clock = new FakeClock();
  const runtime = new RuntimeSocket();
  const opened: Socket[] = [];
  let abandoned = 0;
  const webSockets = new Set<DenoWebSocket>();
  const socket = new DenoWebSocket(runtime as unknown as WebSocket, {
    clock,
    logger: new FakeLogger(),
    upgrade: { opened: (socket) => opened.push(socket), abandoned: () => void abandoned++ },
    webSockets,
  });
  return { clock, runtime, socket, webSockets, opened, abandoned: () => abandoned };
}

function setUp() {
  const { clock, runtime, socket } = upgrade();
  runtime.dispatchEvent(new Event("open"));
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

Deno.test("DenoWebSocket passes itself on when it opens, and is among the open ones until it closes", () => {
  const { runtime, socket, webSockets, opened, abandoned } = upgrade();
  assert.deepEqual([opened, webSockets.size], [[], 1]);
  runtime.dispatchEvent(new Event("open"));
  assert.deepEqual([opened, webSockets.size], [[socket], 1]);
  runtime.dispatchEvent(new CloseEvent("close"));
  assert.deepEqual([webSockets.size, abandoned()], [0, 0]);
});

Deno.test("DenoWebSocket reports one that never opened as abandoned, once, and prevents the runtime's report", () => {
  const { runtime, webSockets, opened, abandoned } = upgrade();
  const error = new ErrorEvent("error", { cancelable: true });
  runtime.dispatchEvent(error);
  assert.ok(error.defaultPrevented);
  runtime.dispatchEvent(new CloseEvent("close"));
  runtime.dispatchEvent(new CloseEvent("close"));
  assert.deepEqual([opened, webSockets.size, abandoned()], [[], 0, 1]);
});

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
  runtime.dispatchEvent(new CloseEvent("close"));
  assert.equal(clock.pending, 0);
  assert.equal(flushed(), 0);
});
