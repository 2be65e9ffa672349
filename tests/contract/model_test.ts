/**
 * Any interleaving of publishing, connecting, resuming and retention, against a model: a client that resumes gets
 * every message that it missed and may read, once and in order, or learns that it cannot. A failure prints the seed
 * and path to repeat it with fast-check.
 *
 * @module
 */

import fc from "fast-check";
import type { Draft } from "../../gateway/ports.ts";
import { LOGS, RETENTION_MS } from "./logs.ts";
import { CHANNELS, CLIENTS, type Step, USERS, World } from "./model.ts";

const RUNS: Readonly<Record<string, number>> = { MemoryLog: 200, "SqliteLog (own thread)": 100 };
const OTHER_RUNS = 20;

const author = "1";
const draft: fc.Arbitrary<Draft> = fc.oneof(
  fc.constantFrom(...CHANNELS).map((channel): Draft => ({ channel, author, content: null })),
  fc.constantFrom(...USERS).map((user): Draft => ({ user, author, content: null })),
  fc.constant<Draft>({ author, content: null }),
);
const drafts = fc.array(draft, { maxLength: 6 });
const key = fc.option(fc.constantFrom("k1", "k2", "k3"), { nil: undefined, freq: 3 });
const client = fc.nat({ max: CLIENTS - 1 });
const ms = fc.constantFrom(1, 60_000, RETENTION_MS / 2, RETENTION_MS + 60_000);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("publish" as const), drafts, key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("connect" as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("drop" as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("breathe" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pass" as const), ms }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
);

for (const factory of LOGS) {
  const { skipped } = factory;
  const cannot = new Set<Step["do"]>();
  if (factory.forgets !== undefined) cannot.add("reopen");
  if (factory.realTime !== undefined) cannot.add("pass");
  Deno.test({
    name: `${factory.name}: clients get everything or learn of the gap, whatever happens when${
      skipped === undefined ? "" : ` (skipped: ${skipped})`
    }`,
    ignore: skipped !== undefined,
    fn: async () => {
      const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await using fixture = await factory.create();
        const world = new World(fixture);
        for (const step of steps) if (!cannot.has(step.do)) await world.take(step);
        await world.finish();
      });
      await fc.assert(property, { numRuns: RUNS[factory.name] ?? OTHER_RUNS });
    },
  });
}
