/**
 * The outbox: order, limit, and pacing of the bytes that the runtime receives.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Frames } from "../../gateway/session/encode.ts";
import { Outbox } from "../../gateway/session/outbox.ts";
import type { Outgoing } from "../../gateway/ports.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";

const KIB = 1024;

function setUp({ maxBufferedBytes = 1024 * KIB } = {}) {
  const socket = new FakeSocket();
  const outbox = new Outbox(socket, maxBufferedBytes);
  socket.listen({
    ...{ messageReceived: () => {}, controlReceived: () => {}, violated: () => {} },
    flushed: () => outbox.flushed(),
    closed: () => {},
  });
  return { socket, outbox };
}

/** A frame of `bytes` bytes that begins with `label`. */
function frame(label: string | number, bytes: number): Outgoing {
  return new Frames([String(label).padEnd(bytes, ".")]);
}

function labels(socket: FakeSocket): string[] {
  return socket.sent.map((text) => text.replaceAll(".", ""));
}

async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await settle();
  return settled;
}

Deno.test("Outbox hands frames over at once while the peer reads", () => {
  const { socket, outbox } = setUp();
  for (let i = 0; i < 5000; i++) assert.ok(outbox.push(frame(i, 1000)));
  assert.equal(socket.sent.length, 5000);
  assert.equal(outbox.unsentBytes, 0);
});

Deno.test("Outbox hands the runtime 64 KiB and one frame at most, in order, whatever the peer reads", async () => {
  const { socket, outbox } = setUp();
  socket.stall();
  for (let i = 0; i < 300; i++) assert.ok(outbox.push(frame(i, 3000)));
  assert.equal(outbox.unsentBytes, 900_000);
  let greatest = socket.bufferedBytes;
  for (let turn = 0; socket.sent.length < 300; turn++) {
    assert.ok(turn < 2000, "it never ends");
    socket.drain(1 + (turn * 7919) % 9000);
    // Pushed in between, it goes behind the waiting frames.
    if (turn === 5) assert.ok(outbox.push(frame("last", 10)));
    await settle();
    greatest = Math.max(greatest, socket.bufferedBytes);
  }
  await settle();
  assert.ok(greatest >= 64 * KIB && greatest < 64 * KIB + 3000, `${greatest} bytes`);
  socket.drain();
  await settle();
  assert.deepEqual(labels(socket), [...Array.from({ length: 300 }, (_, i) => String(i)), "last"]);
});

Deno.test("Outbox refuses the frame that would pass the bound, not the one that fills it", () => {
  const { socket, outbox } = setUp({ maxBufferedBytes: 200_000 });
  socket.stall();
  for (let i = 0; i < 200; i++) assert.equal(outbox.push(frame(i, 1000)), true, `frame ${i}`);
  assert.equal(outbox.unsentBytes, 200_000);
  assert.equal(outbox.push(frame("x", 1)), false);
  assert.equal(outbox.unsentBytes, 200_000);
});

Deno.test("Outbox counts what the runtime was handed against the bound, below 64 KiB too", () => {
  const { socket, outbox } = setUp({ maxBufferedBytes: 10_000 });
  socket.stall();
  assert.equal(outbox.push(frame("a", 6000)), true);
  assert.equal(outbox.push(frame("b", 4001)), false);
  assert.equal(outbox.push(frame("c", 4000)), true);
  assert.deepEqual(labels(socket), ["a", "c"]);
});

Deno.test("Outbox takes one frame longer than the bound when nothing is unsent, and only then", () => {
  const { socket, outbox } = setUp({ maxBufferedBytes: 1000 });
  socket.stall();
  assert.equal(outbox.push(frame("big", 5000)), true);
  assert.equal(outbox.push(frame("next", 5)), false);
  socket.drain(4999);
  assert.equal(outbox.push(frame("big", 5000)), false);
  socket.drain(1);
  assert.equal(outbox.push(frame("again", 5000)), true);
  assert.deepEqual(labels(socket), ["big", "again"]);
});

Deno.test("Outbox.empty() resolves once nothing waits here and nothing in the runtime", async () => {
  const { socket, outbox } = setUp();
  assert.ok(await isSettled(outbox.empty()));
  socket.stall();
  for (let i = 0; i < 100; i++) outbox.push(frame(i, 1000));
  const first = outbox.empty();
  const second = outbox.empty();
  await settle();
  assert.equal(await isSettled(first), false);
  socket.drain(99_999);
  await settle();
  socket.drain(33_999);
  await settle();
  assert.equal(outbox.unsentBytes, 1);
  assert.equal(await isSettled(first), false);
  socket.drain(1);
  await settle();
  assert.ok(await isSettled(first));
  assert.ok(await isSettled(second));
});

Deno.test("Outbox.discard() forgets what waits, lets everybody go, and takes nothing more", async () => {
  const { socket, outbox } = setUp();
  socket.stall();
  for (let i = 0; i < 100; i++) outbox.push(frame(i, 1000));
  const empty = outbox.empty();
  const handed = socket.sent.length;
  outbox.discard();
  assert.ok(await isSettled(empty));
  assert.ok(await isSettled(outbox.empty()));
  assert.equal(outbox.unsentBytes, socket.bufferedBytes);
  assert.equal(outbox.push(frame("late", 4)), true);
  socket.drain();
  await settle();
  assert.equal(socket.sent.length, handed);
});

Deno.test("Outbox keeps the order over a queue of many thousand small frames", async () => {
  const { socket, outbox } = setUp();
  socket.stall();
  for (let i = 0; i < 20_000; i++) assert.ok(outbox.push(frame(i, 50)));
  while (socket.sent.length < 20_000) {
    socket.drain(70_000);
    await settle();
  }
  assert.deepEqual(labels(socket), Array.from({ length: 20_000 }, (_, i) => String(i)));
  assert.equal(outbox.unsentBytes, socket.bufferedBytes);
});
