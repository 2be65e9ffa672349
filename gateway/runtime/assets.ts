/**
 * Reads the files of the console, which `deno task build:console` writes, from the project's folder or from
 * inside the compiled binary.
 *
 * @module
 */

import type { Logger } from "../ports.ts";
import { toError } from "../util.ts";

const FOLDER = new URL("../../dist/console/", import.meta.url);

/** Returns the texts of the files by name; if one cannot be read, logs that and returns none. */
export async function readConsoleFiles(
  names: readonly string[],
  { logger, folder = FOLDER }: { readonly logger: Logger; readonly folder?: URL },
): Promise<ReadonlyMap<string, string>> {
  try {
    const texts = names.map(async (name) =>
      [name, await Deno.readTextFile(new URL(name, folder))] as const
    );
    return new Map(await Promise.all(texts));
  } catch (error) {
    logger.warn("the console is not built: run deno task build:console and start again", {
      reason: toError(error).message,
    });
    return new Map();
  }
}
