/**
 * The fake socket: it meets the `Socket` port, and plays the peers that tests need.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Frames } from "../../gateway/session/encode.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import type { SocketListener } from "../../gateway/ports.ts";

function recorder(): SocketListener & { readonly events: (string | Uint8Array)[] } {
  const events: (string | Uint8Array)[] = [];
  return {
    events,
    messageReceived: (data) => void events.push(data),
    controlReceived: () => void events.push("(control)"),
    violated: (code) => void events.push(`(violated ${code})`),
    flushed: () => void events.push("(flushed)"),
    closed: () => void events.push("(closed)"),
  };
}

Deno.test("FakeSocket keeps what is sent until it closes, and nothing after", () => {
  const socket = new FakeSocket();
  socket.send(new Frames(['{"op":0}']));
  socket.send(new Frames(["[1]"]));
  socket.close(4002, "late");
  socket.send(new Frames(['{"op":10}']));
  socket.close(1011, "again");
  assert.deepEqual(socket.sent, ['{"op":0}', "[1]"]);
  assert.deepEqual(socket.frames, [{ op: 0 }, [1]]);
  assert.deepEqual(socket.closeFrame, { code: 4002, reason: "late" });
  assert.equal(socket.state, "closing");
});

Deno.test("FakeSocket hands the listener what came before it, in order, and then what comes", () => {
  const socket = new FakeSocket();
  const early = recorder();
  socket.receive("a");
  socket.receive(Uint8Array.of(1));
  socket.listen(early);
  socket.receiveFrame({ op: 11, time: 1 });
  socket.peerClosed();
  assert.deepEqual(early.events, ["a", Uint8Array.of(1), '{"op":11,"time":1}', "(closed)"]);
  assert.throws(() => socket.listen(recorder()), /listener/);

  const gone = new FakeSocket();
  const late = recorder();
  gone.receive("last words");
  gone.peerClosed();
  gone.listen(late);
  assert.deepEqual(late.events, ["last words", "(closed)"]);
});

Deno.test("FakeSocket still receives while closing, and nothing once it is gone", () => {
  const socket = new FakeSocket();
  const listener = recorder();
  socket.listen(listener);
  socket.close(1012, "");
  socket.receive("crossed");
  socket.peerClosed();
  assert.deepEqual(listener.events, ["crossed", "(closed)"]);
  assert.equal(socket.state, "closed");
  assert.throws(() => socket.receive("x"), /gone/);
  assert.throws(() => socket.peerClosed(), /gone/);
});

Deno.test("FakeSocket buffers bytes while the peer is stalled, until it drains", () => {
  const socket = new FakeSocket();
  socket.send(new Frames(["free"]));
  assert.equal(socket.bufferedBytes, 0);
  socket.stall();
  socket.send(new Frames(["grün"]));
  socket.send(new Frames(["abc"]));
  assert.equal(socket.bufferedBytes, 8);
  socket.drain(6);
  assert.equal(socket.bufferedBytes, 2);
  socket.send(new Frames(["d"]));
  assert.equal(socket.bufferedBytes, 3);
  socket.close(4009, "");
  assert.equal(socket.bufferedBytes, 3);
  socket.drain();
  assert.equal(socket.bufferedBytes, 0);

  const flowing = new FakeSocket();
  flowing.stall();
  flowing.drain();
  flowing.send(new Frames(["x"]));
  assert.equal(flowing.bufferedBytes, 0);
});

Deno.test("FakeSocket tells once that it is flushed, when it was asked to and the peer has read all", async () => {
  const socket = new FakeSocket();
  const listener = recorder();
  socket.listen(listener);
  socket.stall();
  socket.send(new Frames(["abc"]));
  socket.drain(3);
  assert.deepEqual(listener.events, []);
  socket.send(new Frames(["abc"]));
  socket.notifyFlushed();
  socket.notifyFlushed();
  socket.drain(2);
  assert.deepEqual(listener.events, []);
  socket.drain(1);
  socket.drain();
  assert.deepEqual(listener.events, ["(flushed)"]);
  socket.notifyFlushed();
  assert.deepEqual(listener.events, ["(flushed)"]);
  await settle();
  assert.deepEqual(listener.events, ["(flushed)", "(flushed)"]);
});

Deno.test("FakeSocket.terminate() ends it and tells so once, after the caller is done", async () => {
  const socket = new FakeSocket();
  const listener = recorder();
  socket.listen(listener);
  assert.equal(socket.terminate(), true);
  assert.deepEqual(listener.events, []);
  assert.equal(socket.state, "closed");
  assert.equal(socket.terminate(), true);
  await settle();
  assert.deepEqual(listener.events, ["(closed)"]);
  assert.equal(socket.terminations, 2);
});

Deno.test("FakeSocket.terminate() that fails ends nothing until TCP gives up", async () => {
  const socket = new FakeSocket();
  const listener = recorder();
  socket.listen(listener);
  socket.stall();
  socket.send(new Frames(["abc"]));
  socket.terminateFails = true;
  socket.close(4002, "");
  assert.equal(socket.terminate(), false);
  await settle();
  assert.deepEqual(listener.events, []);
  assert.equal(socket.bufferedBytes, 3);
  socket.peerClosed();
  assert.deepEqual(listener.events, ["(closed)"]);
  assert.equal(socket.bufferedBytes, 0);
});

Deno.test("FakeLogger keeps lines by level, and spells errors and their causes out", () => {
  const log = new FakeLogger();
  log.debug("d");
  log.info("i", { user: "7" });
  log.warn("w");
  log.error("e", { error: new Error("outer", { cause: new Error("inner") }) });
  assert.deepEqual(log.lines.map((line) => line.level), ["debug", "info", "warn", "error"]);
  assert.deepEqual(log.lines[1], { level: "info", message: "i", fields: { user: "7" } });
  assert.deepEqual(log.messages("warn"), ["w"]);
  for (const word of ["outer", "inner", '"user":"7"']) assert.ok(log.text().includes(word), word);
});
