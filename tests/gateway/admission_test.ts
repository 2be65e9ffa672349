/**
 * Admission: the limits of connections, exactly, and counts that return to zero.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Admission, type Permit } from "../../gateway/admission.ts";
import { ConnectionRate } from "../../gateway/connection_rate.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";

const NO_LIMIT = {
  maxConnections: 9999,
  maxConnectionsPerIp: 9999,
  maxConnectionsPerUser: 0,
  maxUnidentified: 9999,
  connectRatePerIp: 9999,
  connectBurstPerIp: 9999,
};

function admit(admission: Admission, address = "192.0.2.1"): Permit {
  const permit = admission.admit(address);
  assert.ok(typeof permit !== "string");
  return permit;
}

Deno.test("Admission admits maxConnections in all, and again once one is released", () => {
  const admission = new Admission(new FakeClock(), { ...NO_LIMIT, maxConnections: 3 });
  const tickets = [1, 2, 3].map((i) => admit(admission, `192.0.2.${i}`));
  assert.deepEqual(tickets.map(({ refusal }) => refusal), [undefined, undefined, undefined]);
  assert.equal(admit(admission, "192.0.2.4").refusal, "total");
  tickets[0]!.release();
  assert.equal(admit(admission, "192.0.2.4").refusal, undefined);
});

Deno.test("Admission admits maxConnectionsPerIp from one address, without counting others", () => {
  const admission = new Admission(new FakeClock(), { ...NO_LIMIT, maxConnectionsPerIp: 2 });
  const first = admit(admission, "a");
  admit(admission, "a");
  assert.equal(admit(admission, "a").refusal, "per_address");
  assert.equal(admit(admission, "b").refusal, undefined);
  assert.equal(admission.addresses, 2);
  first.release();
  assert.equal(admit(admission, "a").refusal, undefined);
});

Deno.test("Admission admits maxUnidentified that are not ready; one that is ready makes room", () => {
  const admission = new Admission(new FakeClock(), { ...NO_LIMIT, maxUnidentified: 2 });
  const [first, second] = [admit(admission), admit(admission)];
  assert.equal(admit(admission).refusal, "unidentified");
  first.identified();
  first.identified();
  assert.equal(admit(admission).refusal, undefined);
  assert.equal(admit(admission).refusal, "unidentified");
  first.release();
  assert.equal(admit(admission).refusal, "unidentified");
  second.release();
  second.release();
  second.identified();
  assert.equal(admit(admission).refusal, undefined);
  assert.equal(admit(admission).refusal, "unidentified");
});

Deno.test("Admission gives 256 refused connections a permit, then the reason alone until one is gone", () => {
  const admission = new Admission(new FakeClock(), { ...NO_LIMIT, maxConnections: 1 });
  const admitted = admit(admission);
  const refused = Array.from({ length: 256 }, () => admit(admission));
  assert.ok(refused.every(({ refusal }) => refusal === "total"));
  assert.equal(admission.admit("192.0.2.9"), "total");
  assert.equal(admission.connections, 257);
  assert.equal(admission.addresses, 1);
  refused[0]!.identified();
  refused[0]!.release();
  refused[0]!.release();
  refused[0] = admit(admission);
  assert.equal(admission.admit("192.0.2.9"), "total");
  // The end of a refused connection makes no room for an admitted one.
  refused.pop()!.release();
  assert.equal(admit(admission).refusal, "total");
  admitted.release();
  assert.equal(admit(admission).refusal, undefined);
});

Deno.test("Admission counts nothing once every permit is released, in any order and twice", () => {
  const admission = new Admission(new FakeClock(), {
    ...NO_LIMIT,
    maxConnections: 40,
    maxConnectionsPerIp: 7,
    maxUnidentified: 20,
  });
  const tickets = Array.from({ length: 100 }, (_, i) => {
    const permit = admit(admission, `address ${i % 9}`);
    if (i % 3 === 0) permit.identified();
    return permit;
  });
  assert.equal(admission.connections, 100);
  const order = tickets.map((permit, i) => ({ permit, key: (i * 37) % 100 }));
  for (const { permit } of order.sort((a, b) => a.key - b.key)) {
    permit.release();
    permit.release();
  }
  assert.equal(admission.connections, 0);
  assert.equal(admission.addresses, 0);
  const again = Array.from({ length: 20 }, (_, i) => admit(admission, String(i)));
  assert.ok(again.every(({ refusal }) => refusal === undefined));
  assert.equal(admit(admission, "one more").refusal, "unidentified");
});

Deno.test("Admission counts an IPv6 customer's /64 as one address, however it is written", () => {
  const admission = new Admission(new FakeClock(), { ...NO_LIMIT, maxConnectionsPerIp: 1 });
  admit(admission, "2001:db8:0:7::1");
  assert.equal(admit(admission, "2001:0db8::7:ffff:0:0:2").refusal, "per_address");
  assert.equal(admit(admission, "2001:db8:0:7:8:9:a:b%eth0").refusal, "per_address");
  assert.equal(admit(admission, "2001:db8:0:8::1").refusal, undefined);
  assert.equal(admit(admission, "::1").refusal, undefined);
  assert.equal(admit(admission, "::ffff:192.0.2.1").refusal, undefined);
  assert.equal(admit(admission, "192.0.2.1").refusal, "per_address");
  assert.equal(admit(admission, "::ffff:192.0.2.2").refusal, undefined);
});

Deno.test("Admission lets one address connect as often as its burst, then as often as its rate", async () => {
  const clock = new FakeClock();
  const limits = { ...NO_LIMIT, connectRatePerIp: 10, connectBurstPerIp: 20 };
  const admission = new Admission(clock, limits);
  const attempts = (count: number, address = "192.0.2.1"): number => {
    let admitted = 0;
    for (let i = 0; i < count; i++) {
      const permit = admission.admit(address);
      if (typeof permit === "string") assert.equal(permit, "rate");
      else {
        admitted += 1;
        permit.release();
      }
    }
    return admitted;
  };
  assert.equal(attempts(100), 20);
  assert.equal(attempts(100, "192.0.2.2"), 20);
  await clock.advance(500);
  assert.equal(attempts(100), 5);
  await clock.advance(60_000);
  assert.equal(attempts(100), 20);
});

Deno.test("Admission counts a connection whose client is at fault as six", () => {
  const clock = new FakeClock();
  const admission = new Admission(clock, {
    ...NO_LIMIT,
    connectRatePerIp: 1,
    connectBurstPerIp: 60,
  });
  let admitted = 0;
  for (let i = 0; i < 100; i++) {
    const permit = admission.admit("192.0.2.1");
    if (typeof permit === "string") continue;
    admitted += 1;
    permit.atFault();
    permit.release();
  }
  assert.equal(admitted, 10);
});

Deno.test("ConnectionRate forgets addresses whose bucket is full again", async () => {
  const clock = new FakeClock();
  const rate = new ConnectionRate(clock, { connectRatePerIp: 10, connectBurstPerIp: 20 });
  for (let i = 0; i < 999; i++) rate.connected(`a${i}`);
  assert.equal(rate.addresses, 999);
  await clock.advance(200);
  rate.connected("b");
  assert.equal(rate.addresses, 1);
});

Deno.test("ConnectionRate remembers 100,000 addresses, and forgets the first for another", () => {
  const rate = new ConnectionRate(new FakeClock(), { connectRatePerIp: 1, connectBurstPerIp: 1 });
  for (let i = 0; i < 100_001; i++) rate.connected(`a${i}`);
  assert.equal(rate.addresses, 100_000);
  assert.equal(rate.connected("a1"), false);
  assert.equal(rate.connected("a0"), true);
});
