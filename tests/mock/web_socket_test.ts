/**
 * The `WebSocket` of a mock gateway keeps to the standard interface.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway, type MockGateway } from "../../mock/mod.ts";

function noted(socket: WebSocket): string[] {
  const events: string[] = [];
  const note = (event: Event): void => {
    const detail = event instanceof MessageEvent
      ? ` ${event.data}`
      : event instanceof CloseEvent
      ? ` ${event.code} ${event.wasClean}`
      : "";
    events.push(`${event.type} ${socket.readyState}${detail}`);
  };
  for (const type of ["open", "message", "error", "close"]) socket.addEventListener(type, note);
  return events;
}

const HELLO = 'message 1 {"op":0,"heartbeat_interval":45000}';

function open(gateway: MockGateway): { socket: WebSocket; events: string[] } {
  const socket = new gateway.WebSocket(gateway.wsUrl);
  return { socket, events: noted(socket) };
}

Deno.test("WebSocket opens after the constructor returned, then Hello comes", async () => {
  await using gateway = await createMockGateway();
  const { socket, events } = open(gateway);
  assert.equal(socket.readyState, gateway.WebSocket.CONNECTING);
  assert.equal(socket.url, gateway.wsUrl);
  assert.ok(socket instanceof gateway.WebSocket && socket instanceof EventTarget);
  assert.deepEqual(events, []);
  await gateway.settled();
  assert.deepEqual(events, ["open 1", HELLO]);
});

Deno.test("WebSocket.close() tells the code that was given, or 1005", async () => {
  await using gateway = await createMockGateway();
  for (const [given, code] of [[undefined, 1005], [1000, 1000], [4321, 4321]] as const) {
    const { socket, events } = open(gateway);
    await gateway.settled();
    socket.close(given);
    assert.equal(socket.readyState, socket.CLOSING);
    socket.close();
    socket.send('{"op":10,"time":1}');
    await gateway.settled();
    assert.deepEqual(events.slice(2), [`close 3 ${code} true`]);
    assert.equal(gateway.connections.length, 0);
  }
});

Deno.test("WebSocket.close() before it is open fails the connection", async () => {
  await using gateway = await createMockGateway();
  const { socket, events } = open(gateway);
  socket.close();
  await gateway.settled();
  assert.deepEqual(events, ["error 3", "close 3 1006 false"]);
  assert.equal(gateway.connections.length, 0);
});

Deno.test("WebSocket refuses what the standard refuses", async () => {
  await using gateway = await createMockGateway();
  const throws = (name: string, act: () => void): void => {
    assert.throws(act, (error) => error instanceof DOMException && error.name === name);
  };
  for (const url of ["", "/gateway", "ftp://host/", "ws://host/#fragment"]) {
    throws("SyntaxError", () => new gateway.WebSocket(url));
  }
  const { socket } = open(gateway);
  throws("InvalidStateError", () => socket.send("early"));
  for (const code of [0, 999, 1001, 1012, 2999, 5000]) {
    throws("InvalidAccessError", () => socket.close(code));
  }
  throws("SyntaxError", () => socket.close(1000, "ü".repeat(62)));
  await gateway.settled();
});

Deno.test("WebSocket fails for another path, a subprotocol, or when there is no room", async () => {
  await using gateway = await createMockGateway({ limits: { maxConnections: 1 } });
  const failed = ["error 3", "close 3 1006 false"];
  const elsewhere = noted(new gateway.WebSocket(`${gateway.url}/elsewhere`));
  const subprotocol = noted(new gateway.WebSocket(gateway.wsUrl, "chat"));
  await gateway.settled();
  assert.deepEqual([elsewhere, subprotocol], [failed, failed]);
  open(gateway);
  const { events } = open(gateway);
  await gateway.settled();
  assert.deepEqual(events, ["open 1", "close 3 1013 true"]);
});

Deno.test("WebSocket handlers can be set, replaced and taken away", async () => {
  await using gateway = await createMockGateway();
  const { socket } = open(gateway);
  const calls: string[] = [];
  assert.equal(socket.onopen, null);
  socket.onopen = () => calls.push("first");
  const second = function (this: WebSocket): void {
    calls.push(this === socket ? "second" : "another this");
  };
  socket.onopen = second;
  assert.equal(socket.onopen, second);
  socket.onmessage = ({ data }) => calls.push(typeof data);
  socket.onclose = () => calls.push("closed");
  socket.onclose = null;
  socket.addEventListener("close", ({ code }) => calls.push(String(code)), { once: true });
  await gateway.settled();
  await gateway.drop();
  assert.deepEqual(calls, ["second", "string", "1006"]);
});

Deno.test("WebSocket sends binary frames, which the gateway takes for malformed", async () => {
  await using gateway = await createMockGateway();
  for (const data of [new Uint8Array([1, 2]), new ArrayBuffer(3), new Blob(["{}"])]) {
    const { socket, events } = open(gateway);
    await gateway.settled();
    socket.send(data);
    await gateway.settled();
    assert.equal(events.at(-1), "close 3 4001 true");
  }
});

Deno.test("WebSocket sends any other value as a text, as the standard does", async () => {
  await using gateway = await createMockGateway();
  const { socket } = open(gateway);
  await gateway.settled();
  const send = (value: unknown): void => Reflect.apply(socket.send, socket, [value]);
  send({ op: 1 });
  await gateway.settled();
  const received = gateway.transcript.find(({ event }) => event === "received");
  assert.equal(received && "frame" in received && received.frame, "[object Object]");
});

Deno.test("WebSocket drops what arrives after it began to close", async () => {
  await using gateway = await createMockGateway();
  const { socket, events } = open(gateway);
  await gateway.settled();
  const sent = gateway.send("all", { text: "late" });
  socket.close();
  await sent;
  assert.deepEqual(events.filter((event) => event.includes("late")), []);
});
