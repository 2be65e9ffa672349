/**
 * The chaos of the mock gateway: a good client survives every seed, and wrong ones are found. CHAOS_SEEDS is the
 * number of seeds.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayClient, type GatewayClientOptions } from "../../client/mod.ts";
import { CHAOS_FAULTS, type ChaosOutcome, runChaos } from "../../mock/chaos/chaos.ts";
import type { ClientRule } from "../../mock/chaos/client_rules.ts";
import { createMockGateway } from "../../mock/mod.ts";
import { needs } from "../permissions.ts";
import { CLIENT_BUGS } from "../simulation/client_bugs.ts";

const SEEDS = needs("env") === undefined ? Number(Deno.env.get("CHAOS_SEEDS") ?? 5) : 5;

type Wrong = (options: GatewayClientOptions) => GatewayClientOptions;

async function chaos(seed: number, wrong: Wrong = (options) => options): Promise<ChaosOutcome> {
  await using gateway = await createMockGateway();
  const options = {
    url: gateway.wsUrl,
    WebSocket: gateway.WebSocket,
    clock: gateway.clock,
    random: () => 0.5,
    getToken: () => gateway.token({ user: "alice", expiresInS: 1e6 }),
  };
  await using client = new GatewayClient(wrong(options));
  client.on("message", ({ id }) => gateway.delivered("alice", [id]));
  client.on("error", () => {});
  await gateway.settled();
  const outcome = await runChaos(gateway, { seed, minutes: 60 });
  assert.ok(outcome !== "no clients");
  return outcome;
}

Deno.test("runChaos() finds nothing wrong with the client library, whatever the seed", async () => {
  const inflicted = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { broken, faults, messages } = await chaos(seed);
    assert.equal(broken, undefined, `seed ${seed}`);
    assert.ok(messages > 100);
    for (const fault of Object.keys(faults)) inflicted.add(fault);
  }
  assert.deepEqual(inflicted, new Set(Object.keys(CHAOS_FAULTS)));
});

const FOUND: Readonly<Record<string, ClientRule>> = {
  "the client forgets one message in 500": "the client delivers once, in order",
  "the client delivers two messages in the wrong order": "the client delivers once, in order",
  "the client does not send its last_id": "the client resumes from its last message",
  "the client resumes one message too early": "the client resumes from its last message",
  "the client does not notice that the gateway is gone": "a dead connection is given up",
  "the client sends frames of the gateway": "the client obeys the protocol",
};

for (const [name, rule] of Object.entries(FOUND)) {
  Deno.test(`runChaos() finds that ${name}`, async () => {
    const wrong: Wrong = (options) => {
      const made = CLIENT_BUGS.find((bug) => bug.name === name)?.make();
      return made?.client?.(options) ?? assert.fail("no such bug");
    };
    let seed = 0;
    let found: ChaosOutcome;
    do found = await chaos(++seed, wrong); while (found.broken === undefined && seed < 20);
    assert.equal(found.broken?.rule, rule, found.broken?.explanation);
    console.log(`${name}: seed ${seed}, ${found.broken?.explanation}`);
    const again = await chaos(seed, wrong);
    assert.deepEqual(again, found);
    assert.notDeepEqual((await chaos(seed + 1, wrong)).transcript, found.transcript);
  });
}
