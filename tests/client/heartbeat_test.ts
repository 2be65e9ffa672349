/**
 * Heartbeats both ways: answers, round trips, dead servers, and devices that sleep (docs/protocol.md,
 * "Heartbeats").
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ClientClock } from "../../client/mod.ts";
import { createMockGateway, type MockGateway } from "../../mock/mod.ts";
import { Device } from "../../simulation/device.ts";
import { App, breakable, endsAfter, stage } from "./support.ts";

const INTERVAL_MS = 45_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The clock of `gateway`, with wall time that a test sets. */
function settableClock({ clock }: MockGateway): ClientClock & { offsetMs: number } {
  const settable = {
    offsetMs: 0,
    now: () => clock.now() + settable.offsetMs,
    steady: () => clock.steady(),
    setTimer: (ms: number, callback: () => void) => clock.setTimer(ms, callback),
  };
  return settable;
}

Deno.test("the client answers every heartbeat, and stays for a virtual day", async () => {
  await using it = await stage();
  await it.gateway.advance(DAY_MS);
  assert.equal(it.app.received(11).length, DAY_MS / INTERVAL_MS);
  assert.deepEqual(it.app.codes, []);
});

Deno.test("the client measures the round trip on Ready, and then once an interval", async () => {
  await using it = await stage();
  assert.deepEqual(it.app.received(10).map(({ atMs }) => atMs), [0]);
  await it.gateway.setFaults("all", { delayMs: 100 });
  await it.gateway.advance(3 * INTERVAL_MS);
  assert.deepEqual(it.app.roundTrips, [0, 200, 200]);
  assert.equal(it.app.client.roundTripMs, 200);
  // Each is an interval after the one before, not after its answer.
  assert.deepEqual(
    it.app.received(10).map(({ atMs }) => atMs),
    [0, INTERVAL_MS + 100, 2 * INTERVAL_MS + 100],
  );
});

Deno.test("the client finds out that the server is gone when a heartbeat has no answer within an interval", async () => {
  await using it = await stage();
  await it.gateway.freeze();
  await it.app.say("missed");
  await endsAfter(it.app, 2 * INTERVAL_MS);
  assert.match(it.app.disconnects[0]?.reason ?? "", /^no answer to a heartbeat within 45000 ms$/);
  await it.gateway.advance(500);
  assert.deepEqual(it.app.contents, ["missed"]);
});

Deno.test("the client leaves a server that sends heartbeats and answers none", async () => {
  await using it = await stage();
  await it.gateway.setFaults("all", { withholdAcks: true });
  await it.gateway.advance(2 * INTERVAL_MS);
  assert.deepEqual(it.app.codes, [1006]);
});

Deno.test("an answer to another heartbeat proves nothing", async () => {
  await using it = await stage();
  await it.gateway.setFaults("all", { withholdAcks: true });
  await it.gateway.advance(INTERVAL_MS);
  await it.gateway.send("all", { json: { op: 11, time: 5 } });
  await it.gateway.advance(INTERVAL_MS);
  assert.deepEqual(it.app.codes, [1006]);
});

Deno.test("an answer that comes behind many messages is waited for while they come", async () => {
  await using it = await stage();
  await it.gateway.setFaults("all", { withholdAcks: true });
  await it.gateway.advance(INTERVAL_MS);
  for (let count = 0; count < 10; count++) {
    await it.app.say(`${count}`);
    await it.gateway.advance(INTERVAL_MS);
  }
  assert.deepEqual(it.app.codes, []);
  await it.gateway.advance(INTERVAL_MS);
  assert.deepEqual(it.app.codes, [1006]);
});

Deno.test("nothing is sent on a connection that is closing", async () => {
  const late: string[] = [];
  await using gateway = await createMockGateway();
  const WebSocket = class extends gateway.WebSocket {
    override send(text: string): void {
      if (this.readyState !== 1) late.push(text);
      super.send(text);
    }
    // The end of the closing handshake is not reported, as when a page has no time for it.
    override dispatchEvent(event: Event): boolean {
      return event.type === "close" || super.dispatchEvent(event);
    }
  };
  await using app = new App(gateway, { WebSocket });
  await gateway.settled();
  await gateway.close("all", { code: 4002 });
  await gateway.advance(INTERVAL_MS);
  assert.deepEqual(late, []);
  // The unanswered heartbeat detects it.
  await gateway.advance(INTERVAL_MS);
  assert.deepEqual(app.codes, [1006]);
});

Deno.test("a connection that does not become ready is given up after connectTimeoutMs", async () => {
  await using gateway = await createMockGateway();
  await gateway.setFaults("all", { delayMs: 3_600_000 });
  await using app = new App(gateway, { connectTimeoutMs: 7000 });
  await endsAfter(app, 7000);
  assert.match(app.disconnects[0]?.reason ?? "", /^no Ready within 7000 ms$/);
});

Deno.test("check() finds a dead connection within five seconds, and leaves a good one alone", async () => {
  await using it = await stage();
  await it.gateway.advance(10_000);
  it.app.client.check();
  await it.gateway.advance(10_000);
  assert.deepEqual(it.app.codes, []);
  assert.equal(it.app.roundTrips.length, 2);
  await it.gateway.freeze();
  it.app.client.check();
  await endsAfter(it.app, 5000);
});

Deno.test("check() gives an attempt that hangs five seconds more, and then another is made", async () => {
  await using gateway = await createMockGateway();
  await gateway.setFaults("all", { delayMs: 3_600_000 });
  await using app = new App(gateway);
  await gateway.advance(1000);
  await gateway.setFaults("all", { delayMs: 0 });
  // The first connection's answer still takes an hour.
  app.client.check();
  await gateway.advance(2000);
  app.client.check();
  await endsAfter(app, 3000);
  await gateway.advance(250);
  assert.equal(app.client.state, "ready");
});

Deno.test("an interval of the gateway that is absurd keeps no dead connection", async () => {
  await using it = await stage();
  await it.gateway.send("all", { json: { op: 0, heartbeat_interval: Number.MAX_SAFE_INTEGER } });
  await it.gateway.advance(INTERVAL_MS);
  await it.gateway.freeze();
  await it.gateway.advance(2 * 3_600_000 + INTERVAL_MS);
  assert.deepEqual(it.app.codes, [1006]);
});

Deno.test("check() again and again puts nothing off", async () => {
  await using it = await stage();
  await it.gateway.advance(10_000);
  await it.gateway.freeze();
  for (let count = 0; count < 5; count++) {
    it.app.client.check();
    assert.deepEqual(it.app.codes, []);
    await it.gateway.advance(1000);
  }
  assert.deepEqual(it.app.codes, [1006]);
});

Deno.test("check() just after an answer asks again within a second, and finds out", async () => {
  await using it = await stage();
  await it.gateway.advance(500);
  await it.gateway.freeze();
  it.app.client.check();
  await endsAfter(it.app, 5500);
});

Deno.test("seed 17: check() just after a heartbeat without an answer asks again, and finds out", async () => {
  await using it = await stage();
  await it.gateway.advance(INTERVAL_MS - 1);
  await it.gateway.freeze();
  await it.gateway.advance(301);
  it.app.client.check();
  await endsAfter(it.app, 700 + 5000);
});

Deno.test("check() in a row asks once a second at the most, so that the limit of frames is kept", async () => {
  await using it = await stage();
  for (let count = 0; count < 6000; count++) {
    it.app.client.check();
    await it.gateway.clock.advance(10);
  }
  assert.deepEqual(it.app.codes, []);
  assert.ok(it.app.received(10).length <= 61);
});

Deno.test("with a short interval the client keeps within the limit of frames", async () => {
  await using it = await stage({}, { connection: { heartbeatIntervalMs: 700 } });
  await it.gateway.advance(600_000);
  assert.deepEqual(it.app.codes, []);
});

Deno.test("heartbeats have numbers of their own, though the wall clock is set back", async () => {
  const gateway = await createMockGateway();
  const clock = settableClock(gateway);
  await using app = new App(gateway, { clock }).client;
  await gateway.settled();
  clock.offsetMs = -7_200_000;
  await gateway.advance(3 * INTERVAL_MS);
  const times = gateway.transcript.flatMap((entry) =>
    entry.event === "received" && Reflect.get(Object(entry.frame), "op") === 10
      ? [Number(Reflect.get(Object(entry.frame), "time"))]
      : []
  );
  assert.equal(times.length, 4);
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  assert.equal(new Set(times).size, 4);
  assert.equal(app.state, "ready");
});

for (
  const [what, sleepMs] of [["a night in a closed laptop", 8 * HOUR_MS], ["a nap", 20_000]] as const
) {
  for (const stands of [false, true]) {
    const clocks = stands ? "a clock that sleeps too" : "a clock that goes on";
    Deno.test(`after ${what} with ${clocks} a dead connection is found within ten seconds`, async () => {
      await using gateway = await createMockGateway();
      const device = new Device(gateway.clock);
      await using app = new App(gateway, { clock: device });
      await gateway.settled();
      await gateway.advance(1000);
      await gateway.freeze();
      device.sleep({ stands });
      await app.say("missed");
      await gateway.advance(sleepMs);
      assert.deepEqual(app.codes, []);
      device.wake();
      // The steady clock slept too, so only the wall clock shows that time has passed.
      await gateway.advance(5000 + 5000);
      assert.deepEqual(app.codes, [1006]);
      await gateway.advance(500);
      assert.deepEqual(app.contents, ["missed"]);
    });
  }
}

Deno.test("after a night with a clock that sleeps too a client that waits tries within five seconds", async () => {
  await using gateway = await createMockGateway();
  const device = new Device(gateway.clock);
  const network = breakable(gateway);
  await using app = new App(gateway, {
    clock: device,
    WebSocket: network.WebSocket,
    random: () => 0.999,
  });
  await gateway.settled();
  network.isBroken = true;
  await gateway.drop();
  await gateway.advance(60_000);
  const waited = app.disconnects.at(-1);
  device.sleep({ stands: true });
  await gateway.advance(8 * 3_600_000);
  network.isBroken = false;
  device.wake();
  assert.equal(app.client.state, "waiting");
  await gateway.advance(5000);
  assert.ok(waited?.retryInMs === 19_980);
  assert.equal(app.client.state, "ready");
});

for (const [how, offsetMs] of [["forward", 3_600_000], ["back", -3_600_000]] as const) {
  Deno.test(`a wall clock that is set ${how} by an hour costs a session one heartbeat at the most`, async () => {
    await using gateway = await createMockGateway();
    const clock = settableClock(gateway);
    await using app = new App(gateway, { clock });
    await gateway.advance(10_000);
    clock.offsetMs = offsetMs;
    await gateway.advance(30_000);
    assert.equal(app.received(10).length, how === "forward" ? 2 : 1);
    await gateway.advance(HOUR_MS);
    assert.deepEqual(app.codes, []);
  });
}

Deno.test("after a nap on a connection that lives, the answer that came meanwhile is heard first", async () => {
  await using gateway = await createMockGateway();
  const device = new Device(gateway.clock);
  // Frames that arrive during sleep are read afterwards, behind the late timers.
  const asleep: (() => void)[] = [];
  const WebSocket = class extends gateway.WebSocket {
    override dispatchEvent(event: Event): boolean {
      if (!device.asleep) return super.dispatchEvent(event);
      asleep.push(() => super.dispatchEvent(event));
      return true;
    }
  };
  await using app = new App(gateway, { clock: device, WebSocket });
  await gateway.settled();
  await gateway.advance(INTERVAL_MS - 1);
  await gateway.setFaults("all", { delayMs: 10 });
  // The gateway's heartbeat is answered. The client's is not yet: it sleeps beyond the deadline.
  await gateway.advance(16);
  device.sleep({ stands: false });
  await gateway.advance(INTERVAL_MS + 5000);
  device.wake();
  for (const read of asleep) read();
  await gateway.advance(2 * INTERVAL_MS);
  assert.deepEqual(app.codes, []);
  assert.equal(app.client.state, "ready");
});

Deno.test("in a hidden page, whose timers run once a minute, a good connection stays and a dead one is found", async () => {
  await using gateway = await createMockGateway();
  const MINUTE_MS = 60_000;
  const clock: ClientClock = {
    now: () => gateway.clock.now(),
    steady: () => gateway.clock.steady(),
    setTimer: (delayMs, callback) => {
      const dueMs = gateway.clock.elapsedMs + delayMs;
      const throttledMs = Math.ceil(dueMs / MINUTE_MS) * MINUTE_MS;
      return gateway.clock.setTimer(throttledMs - gateway.clock.elapsedMs, callback);
    },
  };
  await using app = new App(gateway, { clock });
  await gateway.advance(10_000);
  await gateway.advance(3_600_000);
  assert.deepEqual(app.codes, []);
  await gateway.freeze();
  await app.say("missed");
  await gateway.advance(4 * MINUTE_MS);
  assert.deepEqual(app.codes, [1006]);
  assert.deepEqual(app.contents, ["missed"]);
});
