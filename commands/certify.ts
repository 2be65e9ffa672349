/**
 * `emagine-gateway certify`: judges a client.
 *
 * @module
 */

import { runCertifyCommand } from "../certify/command.ts";
import { exitOnSignals, fileId, killClients } from "../certify/process.ts";
import { SystemClock } from "../gateway/runtime/clock.ts";

/** Ends the process. */
export async function runCertify(args: readonly string[]): Promise<never> {
  exitOnSignals();
  try {
    const code = await runCertifyCommand(args, {
      clock: new SystemClock(),
      print: (text) => console.log(text),
      writeFile: (path, text) => Deno.writeTextFile(path, text),
      fileId,
    });
    Deno.exit(code);
  } finally {
    // An error of one check leaves the others running.
    killClients();
  }
}
