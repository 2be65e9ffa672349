/**
 * Declares tests that need a real nats-server each, and skips them with the reason if there is none.
 *
 * @module
 */

import { NatsServer, NO_NATS } from "./server.ts";

export interface NatsTestOptions {
  /** Lines for the server's configuration file. */
  readonly config?: string;
  /** True, the default, if Deno checks for leaks of the test. */
  readonly sanitize?: boolean;
}

/** Defines a test of `subject` with its own server. */
export function natsTest(
  subject: string,
  body: (server: NatsServer) => Promise<void>,
  { config = "", sanitize = true }: NatsTestOptions = {},
): void {
  Deno.test({
    name: `${subject}${NO_NATS === undefined ? "" : ` (skipped: ${NO_NATS})`}`,
    ignore: NO_NATS !== undefined,
    sanitizeOps: sanitize,
    sanitizeResources: sanitize,
    fn: async () => {
      await using server = await NatsServer.start({ config });
      await body(server);
    },
  });
}
