/**
 * Time that waits for clients in other processes: until they have answered, and not forever.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Outgoing } from "../../gateway/ports.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { MockGateway } from "../../mock/gateway/gateway.ts";
import { DEFAULT_REPLY_WAIT_MS, ReplyWait } from "../../mock/server/reply_wait.ts";
import { TurnClock } from "./support/turns.ts";

const INTERVAL_MS = 45_000;

/** A peer that identifies and acknowledges, after a real delay. */
class SlowPeer extends FakeSocket {
  answers = true;
  token = "";

  constructor(readonly clock: TurnClock) {
    super();
  }

  override send(outgoing: Outgoing): void {
    super.send(outgoing);
    const { op, time } = JSON.parse(outgoing.texts[0]!);
    if (op === 0) this.#later(() => this.receiveFrame({ op: 1, token: this.token }));
    if (op === 10 && this.answers) this.#later(() => this.receiveFrame({ op: 11, time }));
  }

  override close(code: number, reason: string): void {
    super.close(code, reason);
    this.#later(() => this.peerClosed());
  }

  #later(act: () => void, turns = 3): void {
    if (turns === 0) act();
    else this.clock.setTimer(0, () => this.#later(act, turns - 1));
  }
}

/** A gateway with one slow peer. */
class Bench {
  readonly clock = new TurnClock();
  readonly replyWait = new ReplyWait(this.clock);
  readonly peer = new SlowPeer(this.clock);
  /** The real time spent on waiting since this was last set to 0. */
  waitedMs = 0;

  async open(): Promise<MockGateway> {
    const gateway = await MockGateway.create({}, {
      clock: this.clock,
      allowedOrigins: [],
      answered: async (links) => {
        const from = this.clock.passedMs;
        const waited = await this.replyWait.answered(links);
        this.waitedMs += this.clock.passedMs - from;
        return waited;
      },
    });
    this.peer.token = await gateway.token({ expiresInS: 1e6 });
    const headers = {
      upgrade: "websocket",
      connection: "upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": "0123456789012345678901==",
    };
    await gateway.handle(new Request("http://host/gateway", { headers }), {
      address: "192.0.2.7",
      readBody: () => Promise.resolve("broken"),
      upgrade: (listener) => {
        listener.opened(this.peer);
        return new Response();
      },
    });
    return gateway;
  }
}

Deno.test("an advance waits for Identify, so that identifying does not time out", async () => {
  const bench = new Bench();
  const gateway = await bench.open();
  await gateway.advance(20_000);
  assert.deepEqual(gateway.connections.map(({ phase }) => phase), ["ready"]);
});

Deno.test("an advance waits for the ACK of each beat, and no longer", async () => {
  const bench = new Bench();
  const gateway = await bench.open();
  await gateway.settled();
  bench.waitedMs = 0;
  await gateway.advance(100 * INTERVAL_MS);
  assert.equal(bench.peer.closeFrame, undefined);
  assert.equal(gateway.transcript.filter(({ event }) => event === "received").length, 101);
  assert.ok(bench.waitedMs < 100 * DEFAULT_REPLY_WAIT_MS / 4, `${bench.waitedMs} ms`);
});

Deno.test("a client that stays silent is waited for once, and then closed", async () => {
  const bench = new Bench();
  const gateway = await bench.open();
  await gateway.settled();
  bench.peer.answers = false;
  bench.waitedMs = 0;
  await gateway.advance(2 * INTERVAL_MS - 1);
  assert.equal(bench.waitedMs, DEFAULT_REPLY_WAIT_MS);
  await gateway.settled();
  assert.equal(bench.waitedMs, DEFAULT_REPLY_WAIT_MS);
  await gateway.advance(1);
  assert.deepEqual(bench.peer.closeFrame?.code, 4002);
  // It also waits for the peer's close frame.
  assert.equal(bench.peer.state, "closed");
});

Deno.test("with a wait of 0 ms, time does not wait for replies", async () => {
  const bench = new Bench();
  const gateway = await bench.open();
  await gateway.settled();
  bench.peer.answers = false;
  bench.waitedMs = 0;
  await bench.replyWait.within(0, () => gateway.advance(2 * INTERVAL_MS));
  assert.equal(bench.peer.closeFrame?.code, 4002);
  assert.equal(bench.waitedMs, 0);
});

Deno.test("on a machine that is behind, a poll counts little, however long it takes", async () => {
  const bench = new Bench();
  bench.clock.slowness = 20;
  const gateway = await bench.open();
  await gateway.settled();
  bench.peer.answers = false;
  bench.waitedMs = 0;
  await gateway.advance(INTERVAL_MS);
  assert.equal(bench.waitedMs, DEFAULT_REPLY_WAIT_MS * 20);
});
