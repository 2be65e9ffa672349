/**
 * Support for the contract tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  Audience,
  Draft,
  LogPage,
  LogQuery,
  Message,
  MessageLog,
} from "../../gateway/ports.ts";
import type { Fixture, LogFactory } from "./logs.ts";

export const EVERYONE: Audience = { everyone: true, channels: [] };

export function toEveryone(...contents: readonly string[]): Draft[] {
  return contents.map((content) => ({ author: "1", content }));
}

/** Every page after `query.after`. */
export async function pages(log: MessageLog, query: Partial<LogQuery> = {}): Promise<LogPage[]> {
  const found: LogPage[] = [];
  let after = query.after;
  for (;;) {
    const rest = { audience: EVERYONE, limit: 1000, maxBytes: 1e6, ...query };
    const page = await log.read({ ...rest, after });
    assert.ok(page !== "expired", `expired after ${after}`);
    found.push(page);
    if (!page.more) return found;
    assert.notEqual(page.upTo.id, after, "a page takes the reader further");
    after = page.upTo.id;
  }
}

/** Every message after `query.after`. */
export async function readAll(
  log: MessageLog,
  query: Partial<LogQuery> = {},
): Promise<readonly Message[]> {
  return (await pages(log, query)).flatMap(({ messages }) => messages);
}

/** Registers tests of the logs of `factory`, except those that do not apply to it. */
export function contract(
  factory: LogFactory,
  ...needs: readonly ("forgets" | "realTime")[]
): (name: string, body: (fixture: Fixture) => Promise<void>) => void {
  return (name, body) => {
    if (needs.some((need) => factory[need] !== undefined)) return;
    const missing = factory.skipped;
    Deno.test({
      name: `${factory.name}: ${name}${missing === undefined ? "" : ` (skipped: ${missing})`}`,
      ignore: missing !== undefined,
      fn: async () => {
        await using fixture = await factory.create();
        await body(fixture);
      },
    });
  };
}
