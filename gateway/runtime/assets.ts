/**
 * The files of the console, read from where `deno task build:console` writes them: in the folder of the
 * project, or inside the compiled binary, whatever the current directory is.
 *
 * @module
 */

import type { Logger } from "../ports.ts";
import { toError } from "../util.ts";

const FOLDER = new URL("../../dist/console/", import.meta.url);

/** The texts of the files called `names`, by name; none, and a line in the log, if one cannot be read. */
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
