/**
 * Tests of a client in TypeScript against the gateway in the same process: no port, no waiting.
 *
 * Run them with `deno test examples/client_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createMockGateway, type MockGateway, type WebSocketConstructor } from "../mock/mod.ts";

/** The client's platform: the globals in production, the mock gateway's in tests. */
interface World {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly getToken: () => Promise<string>;
  readonly setTimer: (ms: number, callback: () => void) => { cancel(): void };
}

/** The client under test. Replace it by yours, which must follow the same rules. */
class Client {
  readonly closes: number[] = [];
  readonly messages: unknown[] = [];
  readonly resumed: unknown[] = [];
  /** A test sets it to false, as if the program hung. */
  answers = true;
  #token = "";
  #lastId: string | undefined;
  #watch = { cancel: (): void => {} };

  constructor(readonly world: World) {}

  async connect(): Promise<void> {
    if (this.#token === "") this.#token = await this.world.getToken();
    const socket = new this.world.WebSocket(this.world.url);
    let intervalMs = 45_000;
    let isOver = false;
    const over = (code: number): void => {
      if (isOver) return;
      isOver = true;
      this.#watch.cancel();
      this.closes.push(code);
      if ([1009, 4001, 4010].includes(code)) return; // Reconnecting would not help.
      if (code === 4003) this.#token = "";
      this.world.setTimer(1000, () => void this.connect());
    };
    socket.onclose = ({ code }) => over(code);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.op === 0) {
        intervalMs = frame.heartbeat_interval;
        const resume = this.#lastId === undefined ? {} : { last_id: this.#lastId };
        socket.send(JSON.stringify({ op: 1, token: this.#token, ...resume }));
      } else if (frame.op === 2) {
        this.#lastId = frame.last_id;
        this.resumed.push(frame.resumed);
      } else if (frame.op === 3) {
        this.#lastId = frame.id;
        this.messages.push(frame.content);
      } else if (frame.op === 10 && this.answers) {
        socket.send(JSON.stringify({ op: 11, time: frame.time }));
      }
      // A server that is silent for one and a half intervals is dead.
      this.#watch.cancel();
      this.#watch = this.world.setTimer(1.5 * intervalMs, () => {
        over(1006);
        socket.close();
      });
    };
  }
}

/** Returns a ready client. Each of its tokens is valid for an hour. */
async function ready(gateway: MockGateway): Promise<Client> {
  const client = new Client({
    WebSocket: gateway.WebSocket,
    url: gateway.wsUrl,
    getToken: () => gateway.token({ user: "alice", expiresInS: 3600 }),
    setTimer: (ms, callback) => gateway.clock.setTimer(ms, callback),
  });
  await client.connect();
  await gateway.settled();
  assert.deepEqual(client.resumed, [undefined]);
  return client;
}

function say(gateway: MockGateway, content: string): Promise<unknown> {
  return gateway.publish({ channel: "general", author: "7", content });
}

Deno.test("my client stays as long as it answers", async () => {
  await using gateway = await createMockGateway();
  const client = await ready(gateway);
  await gateway.advance(3_599_999);
  assert.deepEqual(client.closes, []);
});

Deno.test("my client is closed with 4002 after it stops answering", async () => {
  await using gateway = await createMockGateway();
  const client = await ready(gateway);
  client.answers = false;
  await gateway.advance(89_999);
  assert.deepEqual(client.closes, []);
  await gateway.advance(1);
  assert.deepEqual(client.closes, [4002]);
});

Deno.test("my client reconnects and resumes after a silent drop", async () => {
  await using gateway = await createMockGateway();
  const client = await ready(gateway);
  await say(gateway, "one");
  await gateway.drop();
  await say(gateway, "two");
  await gateway.advance(1000);
  assert.deepEqual(client.messages, ["one", "two"]);
  assert.deepEqual(client.resumed, [undefined, true]);
});

Deno.test("my client notices a dead network without a close", async () => {
  await using gateway = await createMockGateway();
  const client = await ready(gateway);
  await gateway.freeze();
  await say(gateway, "one");
  await gateway.advance(67_500);
  assert.deepEqual(client.closes, [1006]);
  await gateway.advance(1000);
  assert.deepEqual(client.messages, ["one"]);
});

Deno.test("my client gets a new token when its own expires", async () => {
  await using gateway = await createMockGateway();
  const client = await ready(gateway);
  await gateway.advance(3_600_000);
  assert.deepEqual(client.closes, [4003]);
  await gateway.advance(1000);
  assert.equal(client.resumed.length, 2);
});
