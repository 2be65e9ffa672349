/**
 * Floods: the cost of a client that sends at full speed, to the gateway and to another client. Longer floods,
 * and figures, are in `bench/hostile.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { attack, watch } from "./support/attack.ts";
import { FLOOD_KINDS } from "./support/attacker.ts";
import { GatewayProcess, TRANSPORT } from "./support/process.ts";
import type { RawClient } from "./support/raw_client.ts";
import { processTest, skip } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { eventually } from "./support/wait.ts";

const MAX_STALL_MS = 250;
const MAX_GROWN_MB = 64;
const FLOOD_MS = 1000;
const CONNECTIONS = 5;

const CODES: Readonly<Record<(typeof FLOOD_KINDS)[number], number>> = {
  "pongs": 4008,
  "pings": 4008,
  "empty fragments": 1008,
  "1-byte fragments": 1008,
  "an endless message": 1009,
  "60 MB frames": 1009,
};

for (const flood of FLOOD_KINDS) {
  const name = `a flood of ${flood} is ${CODES[flood]}, and nobody else notices`;
  if (TRANSPORT !== "node") skip(name, "GATEWAY_TRANSPORT=deno has no limit for it");
  else if (Deno.build.os !== "linux") skip(name, "needs Linux's /proc");
  else processTest(name, () => nobodyNotices(flood));
}

async function nobodyNotices(flood: keyof typeof CODES): Promise<void> {
  await using gateway = await GatewayProcess.start();
  // Memory that the runtime acquires in the first attack serves the later ones.
  for (const token of [undefined, await gateway.backend.login(someone())]) {
    const { result, stallMs, grownMb, health } = await watch(gateway, () =>
      attack({
        url: gateway.wsUrl,
        flood,
        connections: CONNECTIONS,
        ms: FLOOD_MS,
        ...(token === undefined ? {} : { token }),
      }));
    const who = token === undefined ? "strangers" : "users";
    assert.deepEqual(result.codes, { [CODES[flood]]: CONNECTIONS }, `close codes of ${who}`);
    assert.ok(stallMs < MAX_STALL_MS, `${who}: a heartbeat took ${stallMs.toFixed()} ms`);
    assert.ok(grownMb < MAX_GROWN_MB, `${who}: ${grownMb.toFixed()} MB more than before`);
    assert.ok(health.every((status) => status === 200), `${who}: /health ${health}`);
  }
}

const LOOPS =
  "clients that connect with a bad token in a loop are slowed down, and nobody else notices";
if (Deno.build.os !== "linux") skip(LOOPS, "needs Linux's /proc");
else {
  processTest(LOOPS, async () => {
    await using gateway = await GatewayProcess.start({
      settings: { GATEWAY_CONNECT_BURST_PER_IP: "100", GATEWAY_CONNECT_RATE_PER_IP: "20" },
    });
    const plan = { url: gateway.wsUrl, flood: "a bad token", again: true } as const;
    const { result, stallMs } = await watch(
      gateway,
      () => attack({ ...plan, connections: 8, ms: 2 * FLOOD_MS }),
    );
    assert.ok((result.codes["4003"] ?? 0) > 0, "some are verified");
    assert.ok((result.codes["429"] ?? 0) > 0, "others come too soon");
    assert.ok(result.connections < 100, `${result.connections} connections`);
    assert.ok(stallMs < MAX_STALL_MS, `a heartbeat took ${stallMs.toFixed()} ms`);
  });
}

processTest("2,000 clients behind one address come back at once, and none is refused", async () => {
  await using gateway = await GatewayProcess.start();
  for (let time = 0; time < 2; time++) {
    const clients: RawClient[] = [];
    try {
      while (clients.length < 2000) {
        const some = Array.from({ length: 100 }, () => gateway.connect());
        clients.push(...await Promise.all(some));
      }
      for (const client of clients) assert.equal((await client.nextJson("Hello"))["op"], 0);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
    await eventually("all to be gone", async () => {
      const { body } = await gateway.backend.request("GET", "/metrics");
      return /^gateway_connections\{phase="unidentified"\} 0$/m.test(String(body)) || undefined;
    });
  }
});
