/**
 * `emagine-gateway token`: checks or makes a token.
 *
 * @module
 */

import { runTokenCommand } from "../auth/mod.ts";
import { parseTokenConfig } from "../gateway/config/parse.ts";
import { SystemClock } from "../gateway/runtime/clock.ts";
import { RandomIds } from "../gateway/runtime/ids.ts";
import { createAuth } from "./auth.ts";

/** Starts nothing, logs nothing, and ends the process. */
export async function runToken(args: readonly string[]): Promise<never> {
  const clock = new SystemClock();
  const ids = new RandomIds();
  const log = () => {};
  const logger = { debug: log, info: log, warn: log, error: log };
  const { text, error, code } = await runTokenCommand(args, {
    readSettings: () =>
      parseTokenConfig({ env: Deno.env.toObject(), readTextFile: Deno.readTextFileSync }),
    createVerifier: async (config, events) =>
      (await createAuth({ config, clock, ids, logger, ...events })).verifier,
    readStdin: () => new Response(Deno.stdin.readable).text(),
    clock,
  });
  if (text !== "") console.log(text);
  if (error !== undefined) console.error(error);
  Deno.exit(code);
}
