/**
 * Sockets that break the standard: they throw, emit events twice, and emit after their listeners are removed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ClientEvents, GatewayClient } from "../../client/mod.ts";
import { FakeClock, settle } from "../../mock/mod.ts";

type Handler = ((event: object) => void) | null;

/** A socket on which a test plays the gateway. */
class OddSocket {
  static readonly made: OddSocket[] = [];
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;
  readyState = 0;
  readonly closes: (readonly [number | undefined, string | undefined])[] = [];
  throwsOnSend = false;
  throwsOnClose = false;

  constructor() {
    OddSocket.made.push(this);
  }

  send(): void {
    if (this.throwsOnSend) throw new Error("it does not send");
  }

  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
    if (this.throwsOnClose) throw new Error("it does not close");
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  receive(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  end(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }

  fail(message: string): void {
    this.onerror?.({ message });
  }

  ready(): void {
    this.open();
    this.receive({ op: 0, heartbeat_interval: 45_000 });
    this.receive({ op: 2, user: "alice", last_id: "x-0" });
  }
}

const MESSAGE = { op: 3, id: "x-1", author: "bob", content: "hello", time: 1 };

async function begin(): Promise<{
  readonly client: GatewayClient;
  readonly clock: FakeClock;
  readonly told: string[];
  /** The newest socket. */
  readonly socket: () => OddSocket;
}> {
  OddSocket.made.length = 0;
  const clock = new FakeClock();
  const client = new GatewayClient({
    url: "ws://gateway.example/gateway",
    WebSocket: OddSocket,
    clock,
    random: () => 0.5,
    getToken: () => "a token",
  });
  const told: string[] = [];
  const types: readonly (keyof ClientEvents)[] = [
    ...["message", "ready", "gap", "disconnect", "error", "close"] as const,
  ];
  for (const type of types) client.on(type, () => told.push(type));
  client.on("state", (state) => told.push(state));
  await settle();
  const socket = (): OddSocket => {
    const last = OddSocket.made.at(-1);
    assert.ok(last);
    return last;
  };
  return { client, clock, told, socket };
}

Deno.test("a broken frame is answered with a close of 4001 that says what was wrong", async () => {
  const { client, socket } = await begin();
  socket().ready();
  socket().receive("{");
  assert.deepEqual(socket().closes, [[4001, "not a frame of the gateway: expected JSON"]]);
  assert.equal(client.state, "waiting");
  await client.close();
});

Deno.test("a socket that throws when it is closed is left, and the client goes on", async () => {
  const { client, clock, socket } = await begin();
  socket().ready();
  socket().throwsOnClose = true;
  socket().receive("{");
  assert.equal(client.state, "waiting");
  await clock.advance(250);
  socket().ready();
  assert.equal(client.state, "ready");
  socket().throwsOnClose = true;
  const closing = client.close();
  await clock.advance(1000);
  await closing;
  assert.equal(clock.pending, 0);
});

Deno.test("a socket that throws when it sends is left, and the client goes on", async () => {
  const { client, clock, told, socket } = await begin();
  socket().throwsOnSend = true;
  socket().ready();
  assert.deepEqual(told, ["disconnect", "waiting"]);
  await clock.advance(250);
  assert.equal(OddSocket.made.length, 2);
  socket().open();
  socket().receive({ op: 0, heartbeat_interval: 45_000 });
  socket().throwsOnSend = true;
  socket().receive({ op: 2, user: "alice", last_id: "x-0" });
  assert.equal(client.state, "waiting");
  await client.close();
  assert.equal(clock.pending, 0);
});

Deno.test("a close event that comes twice, or late, disturbs no other connection", async () => {
  const { client, clock, socket } = await begin();
  const first = socket();
  const gone = first.onclose;
  first.ready();
  first.end(1006);
  gone?.({ code: 1006, reason: "" });
  await clock.advance(250);
  assert.equal(OddSocket.made.length, 2);
  socket().ready();
  gone?.({ code: 4010, reason: "" });
  assert.equal(client.state, "ready");
  await clock.advance(1000);
  assert.equal(OddSocket.made.length, 2);
  void client.close();
  await clock.advance(1000);
});

type Last = readonly (readonly ["error" | "close", (socket: OddSocket) => void])[];

const ERROR = ["error", (socket: OddSocket) => socket.fail("connection refused")] as const;
const CLOSE = ["close", (socket: OddSocket) => socket.end(1006)] as const;

for (const last of [[ERROR], [CLOSE], [ERROR, CLOSE], [CLOSE, ERROR]] satisfies Last[]) {
  const names = last.map(([name]) => name).join(" and then ");
  Deno.test(`an attempt that ends with ${names} ends once, and at once`, async () => {
    const { client, clock, told, socket } = await begin();
    const first = socket();
    // As a platform does that looks up both handlers before it calls them.
    const handlers = { onerror: first.onerror, onclose: first.onclose };
    for (const [, act] of last) act(Object.assign(first, handlers));
    assert.deepEqual(told, ["disconnect", "waiting"]);
    await clock.advance(250);
    assert.equal(OddSocket.made.length, 2);
    Object.assign(first, handlers);
    for (const [, act] of last) act(first);
    socket().ready();
    await clock.advance(5000);
    assert.equal(client.state, "ready");
    assert.deepEqual(told, ["disconnect", "waiting", "connecting", "ready", "ready"]);
    void client.close();
    await clock.advance(1000);
    assert.equal(clock.pending, 0);
  });
}

Deno.test("the close that follows an error on an open socket brings its code", async () => {
  const { client, told, socket } = await begin();
  socket().ready();
  socket().fail("read ECONNRESET");
  assert.equal(client.state, "ready");
  socket().end(4010);
  assert.deepEqual(told, ["ready", "ready", "disconnect", "closed", "close"]);
});

Deno.test("an error on an open socket with no close ends it after a second", async () => {
  const { client, clock, told, socket } = await begin();
  socket().ready();
  const late = socket();
  const { onerror } = late;
  late.fail("read ECONNRESET");
  await clock.advance(1000);
  assert.deepEqual(told.slice(2), ["disconnect", "waiting"]);
  assert.deepEqual(late.closes, [[1000, ""]]);
  late.end(1006);
  onerror?.({ message: "once more" });
  assert.equal(told.length, 4);
  await client.close();
  assert.equal(clock.pending, 0);
});

Deno.test("close() is done when the socket it closes tells only an error", async () => {
  const { client, clock, socket } = await begin();
  const closing = client.close();
  socket().fail("closed before it was open");
  await closing;
  assert.equal(clock.pending, 0);
});

Deno.test("a frame after the client was closed is ignored", async () => {
  const { client, clock, told, socket } = await begin();
  socket().ready();
  const hear = socket().onmessage;
  const closing = client.close();
  socket().receive(MESSAGE);
  hear?.({ data: JSON.stringify(MESSAGE) });
  await clock.advance(1000);
  await closing;
  assert.deepEqual(told, ["ready", "ready", "closed", "close"]);
});

for (
  const [type, expected] of [
    ["state", ["ready", "ready", "disconnect", "waiting", "closed", "close"]],
    ["ready", ["ready", "ready", "closed", "close"]],
    ["disconnect", ["ready", "ready", "disconnect", "closed", "close"]],
  ] as const
) {
  Deno.test(`a client that is closed by a listener of ${type} tells nothing after close`, async () => {
    const { client, clock, told, socket } = await begin();
    client.on(type, (event) => {
      if (type !== "state" || event === "waiting") void client.close();
    });
    socket().ready();
    if (client.state !== "closed") socket().end(1011);
    await clock.advance(60_000);
    assert.deepEqual(told, expected);
    assert.equal(OddSocket.made.length, 1);
    assert.equal(clock.pending, 0);
  });
}

for (const [code, state] of [[1006, "waiting"], [1012, "waiting"], [4010, "closed"]] as const) {
  Deno.test(`in a listener of disconnect the state is ${state} after ${code}`, async () => {
    const { client, clock, told, socket } = await begin();
    const states: string[] = [];
    client.on("disconnect", () => states.push(client.state));
    socket().ready();
    socket().end(code);
    assert.deepEqual(states, [state]);
    assert.equal(told.filter((type) => type === state).length, 1);
    await client.close();
    assert.equal(clock.pending, 0);
  });
}

Deno.test("a listener of disconnect that calls check() makes the client try at once", async () => {
  const { client, clock, told, socket } = await begin();
  client.on("disconnect", () => client.check());
  socket().ready();
  socket().end(1006);
  assert.equal(client.state, "connecting");
  assert.equal(OddSocket.made.length, 2);
  socket().ready();
  await clock.advance(20_000);
  assert.deepEqual(told, ["ready", "ready", "disconnect", "connecting", "ready", "ready"]);
  assert.equal(OddSocket.made.length, 2);
  void client.close();
  await clock.advance(1000);
});

Deno.test("a client that is closed by a listener of gap tells nothing after close", async () => {
  const { client, clock, told, socket } = await begin();
  client.on("state", (state) => state === "ready" && void client.close());
  socket().open();
  socket().receive({ op: 0, heartbeat_interval: 45_000 });
  socket().receive({ op: 2, user: "alice", last_id: "x-0", resumed: false });
  assert.deepEqual(told, ["ready", "closed", "close"]);
  await clock.advance(1000);
});

Deno.test("a client that is closed by a listener of error stays closed", async () => {
  const clock = new FakeClock();
  class Forbidden extends OddSocket {
    constructor() {
      super();
      throw new DOMException("the page's policy forbids it", "SecurityError");
    }
  }
  const client = new GatewayClient({
    url: "ws://gateway.example/gateway",
    WebSocket: Forbidden,
    clock,
    getToken: () => "a token",
  });
  let closes = 0;
  client.on("close", () => closes++);
  client.on("error", () => void client.close());
  await settle();
  await clock.advance(60_000);
  assert.equal(client.state, "closed");
  await client.close();
  assert.equal(closes, 1);
  assert.equal(clock.pending, 0);
});

Deno.test("a listener that is added during an event receives the next one, not this one", async () => {
  const { client, clock, socket } = await begin();
  socket().ready();
  let late = 0;
  client.on("message", () => {
    if (late === 0) client.on("message", () => late++);
  });
  socket().receive(MESSAGE);
  assert.equal(late, 0);
  socket().receive({ ...MESSAGE, id: "x-2" });
  assert.equal(late, 1);
  void client.close();
  await clock.advance(1000);
});
