/**
 * Warns at the start of configurations that are accepted, but can hurt clients.
 *
 * @module
 */

import type { Logger } from "../ports.ts";
import { type Config, isLoopback } from "./parse.ts";
import { heartbeatsExceedLimit } from "./session_options.ts";

/** Logs a warning for each risk of `config`. */
export function warnOfRisks(config: Config, logger: Logger): void {
  warnShortHeartbeat(config, logger);
  warnDenoTransport(config, logger);
  warnPlainWebhooks(config, logger);
}

/** Short intervals are accepted for tests, but close clients. */
function warnShortHeartbeat({ heartbeatIntervalMs }: Config, logger: Logger): void {
  if (!heartbeatsExceedLimit(heartbeatIntervalMs)) return;
  logger.warn(
    "the heartbeat interval is too short: clients that send heartbeats too are closed with 4008",
    { heartbeatIntervalMs },
  );
}

/** One client can stop the `deno` transport, so it is for development. */
function warnDenoTransport({ transport, auth }: Config, logger: Logger): void {
  if (transport === "node" || auth.mode === "mock") return;
  logger.warn(
    "GATEWAY_TRANSPORT=deno: one client that floods pings or never ends a message can stop all " +
      "others or fill the memory, and close codes can be lost; expected node with a real issuer",
    { transport },
  );
}

/** Webhooks are signed, not encrypted; within a host or a private network that is enough. */
function warnPlainWebhooks({ webhooks }: Config, logger: Logger): void {
  if (webhooks?.url.protocol !== "http:" || isLoopback(webhooks.url.hostname)) return;
  logger.warn(
    "GATEWAY_WEBHOOK_URL: the names of users travel unencrypted; expected https outside of a " +
      "private network",
    { origin: webhooks.url.origin },
  );
}
