/**
 * Puts the parts of a gateway together, starts it, and drains it in the end.
 *
 * @module
 */

import { natsBus } from "../gateway/cluster/bus.ts";
import { limitClusterUsers } from "../gateway/cluster/cluster_limit.ts";
import { ClusterSignals } from "../gateway/cluster/cluster_signals.ts";
import { ClusterUsers } from "../gateway/cluster/cluster_users.ts";
import type { Nats } from "../gateway/cluster/connect.ts";
import type { Config } from "../gateway/config/parse.ts";
import { admissionOptions, sessionOptions } from "../gateway/config/session_options.ts";
import { VERSION } from "../gateway/config/version.ts";
import { Gateway } from "../gateway/gateway.ts";
import { TotalBodyBudget } from "../gateway/http/body_budget.ts";
import { Metrics } from "../gateway/metrics/metrics.ts";
import type { CommandLog, MessageLog, TokenVerifier, Users } from "../gateway/ports.ts";
import { SystemClock } from "../gateway/runtime/clock.ts";
import { watchEventLoop } from "../gateway/runtime/event_loop.ts";
import { RandomIds } from "../gateway/runtime/ids.ts";
import type { ProcessLogger } from "../gateway/runtime/logger.ts";
import type { KeyPair, Listener } from "../gateway/runtime/transport.ts";
import { handleUnhandledErrors } from "../gateway/runtime/unhandled_errors.ts";
import { delay } from "../gateway/util.ts";
import type { Webhooks } from "../gateway/webhooks/mod.ts";
import { createAuth } from "./auth.ts";
import { announce, type Listeners, openConsole, serve } from "./listeners.ts";
import { openOwnLog, openSharedLog } from "./log.ts";
import { openTraces } from "./traces.ts";
import { createWebhooks } from "./webhooks.ts";
import type { World } from "./world.ts";

/** Builds and starts a gateway; closing it drains. */
export async function startGateway(
  config: Config,
  logger: ProcessLogger,
): Promise<Pick<Listener, "close" | "setKeyPair">> {
  const clock = new SystemClock();
  const ids = new RandomIds();
  const bodyBudget = new TotalBodyBudget();
  const metrics = new Metrics({
    version: VERSION,
    runtime: `deno ${Deno.version.deno}`,
    transport: config.transport,
    residentBytes: () => Deno.memoryUsage().rss,
    droppedLogLines: () => logger.droppedLines,
    refusedBodies: () => bodyBudget.refused,
  });
  const world = { config, clock, ids, logger, metrics };
  handleUnhandledErrors({ logger, bug: () => metrics.bug() });
  const shared = config.nats && await openSharedLog(world, config.nats);
  const log = shared?.log ?? await openOwnLog(world);
  const { verifier, issuer } = await createAuth({
    ...world,
    previousUsed: () => metrics.previousKeyUsed("jwt_secret"),
  });
  const afterFanOut = (action: () => void) => gateway.afterFanOut(action);
  const traces = openTraces(world, { log, afterFanOut });
  const webhooks = createWebhooks(world);
  const gateway = createGateway(world, { log, verifier, webhooks });
  const page = await openConsole(world);
  const local = webhooks?.observing(gateway) ?? gateway;
  const cluster = shared && await joinCluster(world, { ...shared, gateway, local });
  webhooks?.join(gateway, cluster?.users);
  let listeners: Listeners;
  try {
    const { users, signals } = cluster ?? { users: local, signals: gateway };
    const parts = { gateway, issuer, page, bodyBudget, traces, users, signals };
    listeners = await serve(world, parts);
  } catch (error) {
    await log.close();
    throw error;
  }
  const stopWatching = watchEventLoop(clock, (ms) => metrics.eventLoopDelay(ms));
  announce(world, { listeners, page });
  webhooks?.start();
  const close = async (): Promise<void> => {
    await gateway.drain(config.drainMs);
    await webhooks?.close(config.drainMs);
    // A peer that holds a request or a dead WebSocket open does not keep the process alive.
    const closed = Promise.all([listeners.clients.close(), listeners.api?.close()]);
    await Promise.race([closed, delay(clock, config.closeGraceMs)]);
    cluster?.users.close();
    cluster?.signals.close();
    await log.close();
    await shared?.nats.close();
    stopWatching();
  };
  const setKeyPair = async (pair: KeyPair): Promise<void> => {
    await listeners.api?.setKeyPair(pair);
    await listeners.clients.setKeyPair(pair);
  };
  return { close, setKeyPair };
}

function createGateway(
  { config, clock, ids, logger, metrics }: World,
  { webhooks, ...parts }: {
    readonly log: MessageLog;
    readonly verifier: TokenVerifier;
    readonly webhooks: Webhooks | undefined;
  },
): Gateway {
  const limits = admissionOptions(config);
  const connection = sessionOptions(config);
  return new Gateway({
    ...{ clock, ids, logger, metrics, ...parts, limits, connection },
    node: { node: `${Deno.hostname()}:${config.port}`, transport: config.transport },
    userChanged: webhooks && ((...change) => webhooks.userChanged(...change)),
  });
}

/** With NATS, a user's connections may be on any node: so may those that a newer one replaces. */
async function joinCluster(
  { config, clock, ids, logger, metrics }: World,
  { nats, log, gateway, local }: {
    readonly nats: Nats;
    readonly log: CommandLog;
    readonly gateway: Gateway;
    readonly local: Users;
  },
): Promise<{ readonly users: ClusterUsers; readonly signals: ClusterSignals }> {
  const subject = `${config.natsSubject}-nodes`;
  const shared = { bus: natsBus(nats), local: gateway, clock, subject };
  const { maxConnectionsPerUser } = config;
  if (maxConnectionsPerUser > 0) limitClusterUsers({ ...shared, ids, maxConnectionsPerUser });
  const dropped = (): void => metrics.signalsDropped("late", 1);
  return {
    signals: new ClusterSignals({ ...shared, log, dropped }),
    users: await ClusterUsers.start({ ...shared, local, log, ids, logger }),
  };
}
