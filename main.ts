/**
 * The command line: reads the options, starts what they ask for, and stops it on a signal. Nothing imports it.
 *
 * @module
 */

import { runCertify } from "./commands/certify.ts";
import { reloadOnHangup } from "./commands/reload.ts";
import { startGateway } from "./commands/start.ts";
import { runToken } from "./commands/token.ts";
import { type Command, parseConfig } from "./gateway/config/parse.ts";
import { warnOfRisks } from "./gateway/config/warnings.ts";
import { OperationalError } from "./gateway/errors.ts";
import type { Logger } from "./gateway/ports.ts";
import { redactUrls } from "./gateway/redact_url.ts";
import { createLogger, finishLog } from "./gateway/runtime/logger.ts";
import { serveMock } from "./mock/server/serve.ts";

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    const text = error instanceof OperationalError ? error.message : Deno.inspect(error);
    await finishLog(`emagine-gateway: ${redactUrls(text)}\n`);
    Deno.exit(1);
  }
}

async function main(): Promise<void> {
  if (Deno.args[0] === "certify") return await runCertify(Deno.args.slice(1));
  // A gateway starts no programs.
  await Deno.permissions.revoke({ name: "run" });
  if (Deno.args[0] === "token") return await runToken(Deno.args.slice(1));
  const command = readCommand();
  if ("text" in command) return console.log(command.text);
  const { config } = command;
  const logger = createLogger({ level: config.logLevel, format: config.logFormat });
  // Before the first wait: as PID 1, Deno dies of a segmentation fault without a handler.
  const stop = shutdownSignal(logger, config.tls === undefined ? ["SIGHUP"] : []);
  warnOfRisks(config, logger);
  const starting = command.command === "mock"
    ? serveMock(config, logger)
    : startGateway(config, logger);
  if (config.tls !== undefined) {
    const readKeyPair = () => {
      const again = readCommand();
      return "config" in again ? again.config.tls : undefined;
    };
    reloadOnHangup({ readKeyPair, started: starting, logger });
  }
  const running = await Promise.race([starting, stop]);
  await stop;
  // A start that still waits, for NATS say, has nothing to close.
  await running?.close();
  logger.info("stopped");
  await finishLog();
  Deno.exit(0);
}

function readCommand(): Command {
  return parseConfig({
    env: Deno.env.toObject(),
    args: Deno.args,
    readTextFile: Deno.readTextFileSync,
  });
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function shutdownSignal(logger: Logger, more: readonly Deno.Signal[]): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    for (const signal of ["SIGTERM", "SIGINT", ...more] as const) {
      Deno.addSignalListener(signal, () => {
        signals += 1;
        if (signals > 1) Deno.exit(1);
        logger.info("draining", { signal });
        resolve();
      });
    }
  });
}
