/**
 * `emagine-gateway certify`: judges a client.
 *
 * @module
 */

import { runCertifyCommand } from "../certify/command.ts";
import { killClients } from "../certify/process.ts";
import { SystemClock } from "../gateway/runtime/clock.ts";

/** Ends the process. */
export async function runCertify(args: readonly string[]): Promise<never> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      killClients();
      Deno.exit(130);
    });
  }
  const code = await runCertifyCommand(args, {
    clock: new SystemClock(),
    print: (text) => console.log(text),
    writeFile: (path, text) => Deno.writeTextFile(path, text),
  });
  Deno.exit(code);
}
