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
import {
  admissionOptions,
  listenOptions,
  sessionOptions,
} from "../../gateway/config/session_options.ts";
import { VERSION } from "../../gateway/config/version.ts";
import type { ExternalPeers } from "../gateway/instance.ts";
import { MockGateway, type MockGatewayOptions } from "../gateway/gateway.ts";
import { ReplyWait } from "./reply_wait.ts";
import { RealTime } from "./real_time.ts";
import { createControl } from "./routes.ts";

/**
 * Starts the test server.
 *
 * @throws {OperationalError} `bad_configuration` when the address cannot be listened on
 */
export async function serveMock(config: Config, logger: Logger): Promise<Listener> {
  const clock = new SystemClock();
  const replyWait = new ReplyWait(clock);
  const external: ExternalPeers = {
    clock,
    allowedOrigins: config.allowedOrigins,
    // While time runs at real speed, clients need no extra time.
    answered: (links) => time.running ? Promise.resolve(false) : replyWait.answered(links),
  };
  const gateway = await MockGateway.create(gatewayOptions(config, logger), external);
  const time = new RealTime(gateway.clock, clock);
  const control = createControl({ gateway, time, replyWait, clock, logger });
  const listener = await TRANSPORTS[config.transport]({
    ...listenOptions(config),
    ...{ host: config.host, port: config.port, portName: "GATEWAY_PORT", clock, logger },
    badRequest: invalidHost,
    handle: async (request, exchange) => {
      if (new URL(request.url).pathname.startsWith("/mock/")) {
        return await control(request, exchange);
      }
      const response = await gateway.handle(request, exchange);
      // A publish answers once its messages have been sent.
      if (request.method !== "GET") await gateway.clock.settled();
      return response;
    },
  });
  const { url } = listener;
  logger.info("listening", { url, transport: config.transport, version: VERSION, auth: "mock" });
  logger.warn("this is the test server: time stands still until POST /mock/clock moves it", {
    clock: `${listener.url}/mock/clock`,
  });
  return {
    ...listener,
    close: async () => {
      time.stop();
      await gateway.reset();
      await listener.close();
    },
  };
}

function gatewayOptions(config: Config, logger: Logger): MockGatewayOptions {
  return {
    logger,
    limits: admissionOptions(config),
    connection: sessionOptions(config),
    retentionMs: config.retentionHours * 3_600_000,
    maxMessageBytes: config.maxMessageBytes,
    publishKey: config.publishKey,
  };
}
