/**
 * Tests of an app built on the client library, against the gateway in the same process: no port, no waiting.
 *
 * Run them with `deno test examples/app_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayClient, type GatewayClientOptions, type TokenRequest } from "../client/mod.ts";
import { createMockGateway, type MockGateway, type MockGatewayOptions } from "../mock/mod.ts";

/** The texts that the app shows, by message id, so that none is shown twice. */
type Texts = Map<string, unknown>;

/** The app under test: a chat room. Replace it by yours. */
class Room {
  shown: Texts = new Map();
  readonly gateway: GatewayClient;

  /** `load` gets all messages from the app's backend. In production, `url` and `getToken` are enough. */
  constructor(readonly load: () => Promise<Texts>, options: GatewayClientOptions) {
    this.gateway = new GatewayClient(options);
    this.gateway.on("gap", () => void this.#show());
    void this.#read();
  }

  async #show(): Promise<void> {
    this.shown = new Map([...await this.load(), ...this.shown]);
  }

  async #read(): Promise<void> {
    for await (const { id, content } of this.gateway) this.shown.set(id, content);
  }
}

/** The gateway, the app's backend, and the app. */
class World implements AsyncDisposable {
  readonly stored: Texts = new Map();
  /** The reasons of the requests for a token. */
  readonly asked: TokenRequest["reason"][] = [];
  readonly room: Room;

  /** @param fault of the first token */
  constructor(readonly gateway: MockGateway, fault?: "wrong_signature") {
    this.room = new Room(() => Promise.resolve(this.stored), {
      url: gateway.wsUrl,
      WebSocket: gateway.WebSocket,
      clock: gateway.clock,
      random: () => 0.5, // The first delay is 250 ms.
      getToken: ({ reason }) => {
        this.asked.push(reason);
        const isBad = reason === "start" && fault !== undefined;
        return gateway.token({ user: "alice", expiresInS: 3600, ...(isBad ? { fault } : {}) });
      },
    });
  }

  static async create(options?: MockGatewayOptions): Promise<World> {
    const world = new World(await createMockGateway(options));
    await world.gateway.settled();
    return world;
  }

  async say(content: string): Promise<void> {
    const [message] = await this.gateway.publish({ channel: "general", author: "bob", content });
    assert.ok(message);
    this.stored.set(message.id, content);
  }

  get shown(): unknown[] {
    return [...this.room.shown.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.room.gateway.close();
    await this.gateway[Symbol.asyncDispose]();
  }
}

Deno.test("my app shows what was said while its connection was lost", async () => {
  await using world = await World.create();
  await world.say("one");
  await world.gateway.drop();
  await world.say("two");
  assert.deepEqual(world.shown, ["one"]);
  await world.gateway.advance(250);
  assert.deepEqual(world.shown, ["one", "two"]);
});

Deno.test("my app reloads everything after it was away for too long", async () => {
  await using world = await World.create({ retentionMs: 60_000 });
  await world.say("one");
  await world.gateway.freeze(); // Detected after two heartbeats, 90 s.
  await world.say("two");
  await world.gateway.advance(100_000);
  await world.say("three");
  await world.gateway.settled();
  assert.deepEqual(world.shown, ["one", "two", "three"]);
});

Deno.test("my app gets a new token before its own expires, and stays connected", async () => {
  await using world = await World.create();
  await world.gateway.advance(24 * 3_600_000);
  assert.deepEqual(new Set(world.asked.slice(1)), new Set(["expiring"]));
  assert.deepEqual(world.gateway.connections.map(({ id }) => id), ["c1"]);
});

Deno.test("my app gets a new token when the gateway refuses its own", async () => {
  await using world = new World(await createMockGateway(), "wrong_signature");
  await world.gateway.advance(250);
  assert.deepEqual(world.asked, ["start", "refused"]);
  assert.equal(world.room.gateway.user, "alice");
});
