/**
 * Starts the test server for client authors: the production gateway behind a port, on virtual time, with
 * routes to control it (docs/testing-clients.md). Only on loopback, never for production.
 *
 * @module
 */

import type { Config } from "../../gateway/config/parse.ts";
import { invalidHost } from "../../gateway/http/problem.ts";
import type { Logger } from "../../gateway/ports.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { TRANSPORTS } from "../../gateway/runtime/listen.ts";
import type { Listener } from "../../gateway/runtime/transport.ts";
import { listenOptions } from "../../gateway/config/session_options.ts";
import { VERSION } from "../../gateway/config/version.ts";
import { createWorld } from "./world.ts";
import { Worlds } from "./worlds.ts";

/**
 * Starts the test server.
 *
 * @throws {OperationalError} `bad_configuration` when the address cannot be listened on
 */
export async function serveMock(config: Config, logger: Logger): Promise<Listener> {
  const clock = new SystemClock();
  const worlds = new Worlds(() => createWorld({ config, clock, logger }));
  const world = await createWorld({ config, clock, logger, worlds });
  const listener = await TRANSPORTS[config.transport]({
    ...listenOptions(config),
    ...{ host: config.host, port: config.port, portName: "GATEWAY_PORT", clock, logger },
    badRequest: invalidHost,
    handle: async (request, exchange) =>
      await worlds.handle(request, exchange) ?? await world.handle(request, exchange),
  });
  const { url } = listener;
  logger.info("listening", { url, transport: config.transport, version: VERSION, auth: "mock" });
  logger.warn("this is the test server: time stands still until POST /mock/clock moves it", {
    clock: `${listener.url}/mock/clock`,
  });
  return {
    ...listener,
    close: async () => {
      await worlds.close();
      await world.close();
      await listener.close();
    },
  };
}
