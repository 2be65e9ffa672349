/**
 * How time waits for clients in other processes: until they have answered, and not forever.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FakeSocket } from "../../mock/socket.ts";
import type { Outside } from "../../mock/era.ts";
import { MockGateway } from "../../mock/gateway.ts";
import type { Links } from "../../mock/links.ts";
import { DEFAULT_PATIENCE_MS, Patience } from "../../mock/server/patience.ts";
import { TurnClock } from "./support/turns.ts";

const INTERVAL_MS = 45_000;

/** A socket whose peer needs real time for what it does. */
class SlowPeer extends FakeSocket {
  answers = true;

  constructor(readonly clock: TurnClock, readonly turns: number) {
    super();
  }

  override send(text: string): void {
    super.send(text);
    const { op, time } = JSON.parse(text);
    if (op === 0) this.#later(this.turns, () => this.receiveFrame({ op: 1, token: "none" }));
    if (op === 10 && this.answers) {
      this.#later(this.turns, () => this.receiveFrame({ op: 11, time }));
    }
  }

  override close(code: number, reason: string): void {
    super.close(code, reason);
    this.#later(this.turns, () => this.peerClosed());
  }

  #later(turns: number, act: () => void): void {
    if (this.state === "closed") return;
    if (turns === 0) act();
    else this.clock.setTimer(0, () => this.#later(turns - 1, act));
  }
}

async function setUp(turns = 3) {
  const clock = new TurnClock();
  const patience = new Patience(clock);
  let takenMs = 0;
  const outside: Outside = {
    clock,
    createUpgrade: ({ gateway }) => () => {
      const entry = gateway.connect("192.0.2.7");
      assert.ok(typeof entry === "object");
      entry.accept(peer);
      return new Response();
    },
    answered: async (links: Links) => {
      const before = clock.passedMs;
      const waited = await patience.answered(links);
      takenMs += clock.passedMs - before;
      return waited;
    },
  };
  const peer = new SlowPeer(clock, turns);
  const gateway = await MockGateway.create({ connection: { verifyTimeoutMs: 1e9 } }, outside);
  const handshake = new Request("http://host/gateway", {
    headers: {
      upgrade: "websocket",
      connection: "upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": "0123456789012345678901==",
    },
  });
  const taken = (): number => {
    const ms = takenMs;
    takenMs = 0;
    return ms;
  };
  return { gateway, patience, peer, taken, open: () => gateway.handle(handshake, "") };
}

Deno.test("an advance waits for Identify, so that identifying does not time out", async () => {
  const { gateway, open } = await setUp();
  await open();
  await gateway.advance(20_000);
  const close = gateway.transcript.find(({ event }) => event === "close_sent");
  // The token is no token; what matters is that it was read before ten seconds had passed.
  assert.equal(close?.at, gateway.clock.startMs);
  assert.ok(close?.event === "close_sent" && close.code === 4003);
});

Deno.test("an advance waits for a late ACK of each beat, and no longer", async () => {
  const { gateway, peer, open, taken } = await setUp();
  peer.receiveFrame({ op: 10, time: 1 });
  await open();
  await silentIdentify(gateway);
  taken();
  await gateway.advance(10 * INTERVAL_MS);
  assert.equal(peer.closeFrame, undefined);
  assert.ok(taken() < 10 * DEFAULT_PATIENCE_MS, "it waited on after the answer had come");
});

Deno.test("who stays silent is given up on once, and closed exactly at beat + interval", async () => {
  const { gateway, peer, open, taken } = await setUp();
  await open();
  await silentIdentify(gateway);
  peer.answers = false;
  taken();
  await gateway.advance(2 * INTERVAL_MS - 1);
  assert.equal(taken(), DEFAULT_PATIENCE_MS);
  await gateway.settled();
  assert.equal(taken(), 0);
  await gateway.advance(1);
  assert.equal(peer.closeFrame?.code, 4002);
});

Deno.test("with a patience of 0, nobody is waited for", async () => {
  const { gateway, patience, peer, open, taken } = await setUp();
  await open();
  await silentIdentify(gateway);
  taken();
  await patience.within(0, () => gateway.advance(2 * INTERVAL_MS));
  assert.equal(peer.closeFrame?.code, 4002);
  assert.equal(taken(), 0);
});
