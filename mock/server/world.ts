/**
 * One gateway of the test server with its own virtual time, connections, messages and control routes.
 *
 * @module
 */

import type { Config } from "../../gateway/config/parse.ts";
import { admissionOptions, sessionOptions } from "../../gateway/config/session_options.ts";
import type { Clock, Exchange, Logger } from "../../gateway/ports.ts";
import type { ExternalPeers } from "../gateway/instance.ts";
import { MockGateway } from "../gateway/gateway.ts";
import type { MockGatewayOptions } from "../gateway/types.ts";
import { ClockSteps, STEPS_PATH } from "./clock_steps.ts";
import { RealTime } from "./real_time.ts";
import { ReplyWait } from "./reply_wait.ts";
import { createControl } from "./routes.ts";
import type { World, Worlds } from "./worlds.ts";

/** Control routes that a client or its app calls by itself, so that others wait for it. */
const OF_CLIENTS: ReadonlySet<string> = new Set(["/mock/tokens", "/mock/delivered"]);

export interface WorldOptions {
  readonly config: Config;
  /** Real time. */
  readonly clock: Clock;
  readonly logger: Logger;
  /** The others, which the routes of this one add and end. */
  readonly worlds?: Worlds;
}

export async function createWorld(
  { config, clock, logger, worlds }: WorldOptions,
): Promise<World> {
  const replyWait = new ReplyWait(clock);
  const external: ExternalPeers = {
    clock,
    allowedOrigins: config.allowedOrigins,
    // While time runs at real speed, clients need no extra time.
    answered: (links) => time.running ? Promise.resolve(false) : replyWait.answered(links),
    rested: () => steps.rested(),
  };
  const gateway = await MockGateway.create(gatewayOptions(config, logger), external);
  const time = new RealTime(gateway.clock, clock);
  const steps = new ClockSteps({ gateway, clock, logger, poll: () => replyWait.poll() });
  const control = createControl({
    ...{ gateway, time, replyWait, clock, logger, worlds },
    isInStep: () => steps.isConnected,
  });
  const answer = async (request: Request, exchange: Exchange): Promise<Response> => {
    const response = await gateway.handle(request, exchange);
    // A publish answers once its messages have been sent.
    if (request.method !== "GET") await gateway.clock.settled();
    return response;
  };
  return {
    handle: async (request, exchange) => {
      const { pathname } = new URL(request.url);
      if (pathname === STEPS_PATH) return steps.connect(exchange);
      if (!pathname.startsWith("/mock/")) {
        return await steps.during(() => answer(request, exchange));
      }
      if (OF_CLIENTS.has(pathname)) return await steps.during(() => control(request, exchange));
      if (pathname === "/mock/clock") steps.stirred();
      return await control(request, exchange);
    },
    close: async () => {
      time.stop();
      steps.close();
      await gateway.reset();
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
