/**
 * The mock gateway in vitest, in each of its environments, with real and with fake timers. With MOCK_ROUNDS it
 * prints the median of what each part takes in real time.
 */

import process from "node:process";
import { GatewayClient } from "@emagine/gateway-client";
import { createMockGateway } from "@emagine/gateway-mock";
import { afterEach, test, vi } from "vitest";
import scenario from "./mock.cjs";

// Fake timers stop process.hrtime, too.
const { bigint: nanoseconds } = process.hrtime;
const rounds = Number(process.env.MOCK_ROUNDS ?? 1);

async function run({ fakeTimers = false } = {}) {
  const took = {};
  const measure = async (name, part) => {
    const start = nanoseconds();
    await part();
    (took[name] ??= []).push(Number(nanoseconds() - start) / 1e6);
  };
  for (let round = 0; round < rounds; round++) {
    await scenario({ createMockGateway, GatewayClient, measure, fakeTimers });
  }
  if (rounds === 1) return;
  for (const [name, values] of Object.entries(took)) {
    const sorted = values.toSorted((a, b) => a - b);
    console.log(`${name}: median ${sorted[Math.floor(rounds / 2)].toFixed(2)} ms of ${rounds}`);
  }
}

afterEach(() => vi.useRealTimers());

test("the mock gateway works", () => run());

test("the mock gateway works under fake timers", async () => {
  vi.useFakeTimers();
  await run({ fakeTimers: true });
});
