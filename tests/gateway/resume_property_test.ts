/**
 * The guarantee of resuming under any interleaving of publishing, connecting, dropping, renewing,
 * joining, leaving, slow reading, slow logs and retention, against a model.
 *
 * @module
 */

import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Draft } from "../../gateway/ports.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { SessionModel, Spans } from "./support/model.ts";
import { type Peer, World } from "./support/world.ts";

const CHANNELS = ["a", "b", "c"];
const RETENTION_MESSAGES = 25;
const LONG = "x".repeat(100_000);

type Step =
  | { readonly do: "publish"; readonly to: number; readonly count: number; readonly long: boolean }
  | {
    readonly do: "connect";
    readonly client: number;
    readonly channels: readonly string[];
    /** Whether it begins by reading nothing. */
    readonly slow: boolean;
  }
  | { readonly do: "renew"; readonly client: number; readonly channels: readonly string[] }
  | { readonly do: "join" | "leave"; readonly client: number; readonly channel: string }
  | { readonly do: "drop" | "stall"; readonly client: number }
  | { readonly do: "read"; readonly client: number }
  | { readonly do: "hold" | "settle" }
  | { readonly do: "release"; readonly count: number }
  | { readonly do: "tick"; readonly ms: number };

/** A client over all of its connections. */
class Client {
  readonly user: string;
  peer: Peer | undefined;
  spans = new Spans([]);
  session: SessionModel | undefined;
  /** Up to where it has everything; `undefined` before its first Ready. */
  cursor: number | undefined;
  #read = 0;
  #stalled = false;
  #everStalled = false;
  #prunedAtConnect = 0;
  readonly #run: Run;

  constructor(run: Run, user: string) {
    this.#run = run;
    this.user = user;
  }

  connect(channels: readonly string[], slow = false): void {
    if (this.peer !== undefined) return;
    this.spans = new Spans(channels);
    this.session = undefined;
    this.#read = 0;
    this.#stalled = this.#everStalled = false;
    this.#prunedAtConnect = this.#run.pruned;
    this.peer = this.#run.world.connect();
    if (slow) this.stall();
    const lastId = this.cursor === undefined ? undefined : this.#run.id(this.cursor);
    this.peer.identify({ user: this.user, channels, lastId });
  }

  get isReady(): boolean {
    return this.peer?.connection.phase === "ready";
  }

  async renew(channels: readonly string[]): Promise<void> {
    if (!this.isReady || this.peer === undefined) return;
    const { head, fannedOut } = this.#run;
    this.peer.identify({ user: this.user, channels });
    await settle();
    for (const channel of this.spans.channels) {
      if (!channels.includes(channel)) this.spans.exit(channel, head);
    }
    for (const channel of channels) this.spans.enter(channel, { fannedOut, head });
  }

  join(channel: string): void {
    if (this.isReady) this.spans.enter(channel, this.#run);
  }

  leave(channel: string): void {
    if (this.isReady) this.spans.exit(channel, this.#run.head);
  }

  stall(): void {
    this.#look();
    this.#stalled = this.#everStalled = true;
    this.peer?.socket.stall();
  }

  unstall(): void {
    this.#stalled = false;
    this.peer?.socket.drain();
    this.#look();
  }

  /** The connection is lost; what the client has not read is lost with it. */
  drop(): void {
    this.#look();
    this.session?.check();
    if (this.session !== undefined) this.cursor = this.session.cursor;
    this.peer?.socket.peerClosed();
    this.peer = undefined;
  }

  /** Reads what has arrived, and takes note of a close. */
  look(): void {
    this.#look();
    const code = this.peer?.closeCode;
    if (code === undefined) return;
    if (code === 4009) assert.ok(this.#everStalled, "a client that reads was closed with 4009");
    else assert.ok(code === 1011 && this.#run.pruned > (this.cursor ?? 0), `closed with ${code}`);
    this.drop();
  }

  #look(): void {
    if (this.#stalled || this.peer === undefined) return;
    const { sent } = this.peer.socket;
    for (; this.#read < sent.length; this.#read++) this.#frame(sent[this.#read]!);
  }

  #frame(text: string): void {
    // Parsing long contents would take most of the time of this test.
    const [, op, sequence] = /^{"op":(\d+)(?:.{0,40}?"(?:last_)?id":"\w+-(\d+)")?/.exec(text)!;
    if (op === "3") return this.session!.receive(Number(sequence));
    if (op !== "2") return;
    if (this.session !== undefined) return this.session.ready(Number(sequence));
    this.#begin(Number(sequence), { resumed: /"resumed":(true|false)/.exec(text)?.[1] });
  }

  #begin(lastId: number, { resumed }: { resumed: string | undefined }): void {
    if (this.cursor === undefined) assert.equal(resumed, undefined);
    else if (resumed === "true") {
      assert.equal(lastId, this.cursor);
      assert.ok(this.cursor >= this.#prunedAtConnect, "resumed from what is no longer kept");
    } else assert.ok(this.cursor < this.#run.pruned, "not resumed from what is kept");
    const { user, spans } = this;
    this.session = new SessionModel(this.#run.all, { user, start: lastId, spans });
    this.session.ready(lastId);
  }
}

/** One gateway and its clients. */
class Run {
  readonly world = new World({
    retentionMessages: RETENTION_MESSAGES,
    connection: { maxBufferedBytes: 250_000, rateLimitFrames: 1_000_000 },
  });
  readonly all: Draft[] = [];
  readonly clients = ["u0", "u0", "u1"].map((user) => new Client(this, user));
  #epoch = "";
  #watcher: Peer | undefined;

  get head(): number {
    return this.all.length;
  }

  get pruned(): number {
    return Math.max(0, this.all.length - RETENTION_MESSAGES);
  }

  /** How far the fan-out has come with what goes to channels and to everyone. */
  get fannedOut(): number {
    const last = this.#watcher?.socket.sent.at(-1) ?? "";
    return Number(/^{"op":3,"id":"\w+-(\d+)"/.exec(last)?.[1] ?? 0);
  }

  id(sequence: number): string {
    return `${this.#epoch}-${sequence}`;
  }

  async play(steps: readonly Step[]): Promise<void> {
    this.#epoch = this.world.log.head().id.split("-")[0]!;
    this.#watcher = await this.world.ready({ user: "watcher", channels: CHANNELS });
    for (const step of steps) {
      await this.#step(step);
      for (const client of this.clients) client.look();
    }
    await this.#end();
  }

  async #step(step: Step): Promise<void> {
    const { world } = this;
    const client = this.clients["client" in step ? step.client : 0]!;
    switch (step.do) {
      case "publish":
        return this.#publish(step);
      case "connect":
        return client.connect(step.channels, step.slow);
      case "renew":
        return await client.renew(step.channels);
      case "join":
      case "leave":
        void world.gateway.execute({ do: step.do, user: client.user, channel: step.channel });
        for (const each of this.clients) {
          if (each.user === client.user) each[step.do](step.channel);
        }
        return;
      case "drop":
        return client.drop();
      case "stall":
        return client.stall();
      case "read":
        return client.unstall();
      case "hold":
        world.log.holding = true;
        return;
      case "release":
        return world.log.release(step.count);
      case "settle":
        return await settle();
      case "tick":
        return await world.clock.advance(step.ms);
    }
  }

  #publish({ to, count, long }: Step & { do: "publish" }): void {
    const audiences = [{ channel: "a" }, { channel: "b" }, { channel: "c" }, { user: "u0" }, {}];
    const content = long ? LONG : null;
    const drafts = Array.from({ length: count }, () => ({ ...audiences[to], author: "", content }));
    this.all.push(...drafts);
    void this.world.log.publish(drafts);
  }

  /** Lets everything arrive, brings everybody back, and holds each to everything. */
  async #end(): Promise<void> {
    const { world } = this;
    world.log.holding = false;
    for (let round = 0; round < 3; round++) {
      world.log.release();
      for (const client of this.clients) client.unstall();
      await world.clock.advance(500);
      for (const client of this.clients) {
        client.look();
        client.connect(["a", "b"]);
      }
    }
    for (const client of this.clients) {
      assert.ok(client.isReady && client.session !== undefined);
      client.session.check(this.head);
      client.drop();
    }
    this.#watcher?.socket.peerClosed();
    await world.assertEmpty();
    assert.equal(await world.metrics.value("gateway_bugs_total"), 0);
  }
}

const client = fc.nat(2);
const channel = fc.constantFrom(...CHANNELS);
const channels = fc.subarray(CHANNELS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      to: fc.nat(4),
      count: fc.integer({ min: 1, max: 4 }),
      long: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("connect" as const),
      client,
      channels,
      slow: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("renew" as const), client, channels }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("join" as const, "leave"), client, channel }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom("drop" as const, "stall", "read"), client }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("hold" as const, "settle") }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("release" as const), count: fc.nat(2) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("tick" as const), ms: fc.constantFrom(0, 1, 5, 64) }),
  },
);

Deno.test("Clients receive once, in order and all of what is theirs, under any interleaving", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60, size: "max" }),
      (steps) => new Run().play(steps),
    ),
    { numRuns: 1000, seed: 1 },
  );
});
