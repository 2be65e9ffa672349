/**
 * The composition root: reads the options, builds the parts, listens, and drains on a signal. Nothing imports
 * it.
 *
 * @module
 */

import { createVerifier, KeySet, runTokenCommand, sharedSecret } from "./auth/mod.ts";
import {
  type Config,
  DEVELOPMENT_PUBLISH_KEY,
  parseConfig,
  parseTokenConfig,
  type TokenConfig,
} from "./gateway/config/parse.ts";
import { OperationalError } from "./gateway/errors.ts";
import { Gateway } from "./gateway/gateway.ts";
import { type ConsoleOptions, createHttp, type HttpOptions } from "./gateway/http/mod.ts";
import { TotalBodyBudget } from "./gateway/http/body_budget.ts";
import { CONSOLE_FILES } from "./gateway/http/console.ts";
import { invalidHost } from "./gateway/http/problem.ts";
import { createMemoryLog, openJetStreamLog, openSqliteLog } from "./gateway/log/mod.ts";
import { Metrics } from "./gateway/metrics.ts";
import { connectNats, type Nats, type NatsOptions } from "./gateway/cluster/connect.ts";
import { natsBus } from "./gateway/cluster/bus.ts";
import { ClusterUsers } from "./gateway/cluster/cluster_users.ts";
import { withBackpressure } from "./gateway/log/backpressure.ts";
import type {
  BodyBudget,
  Clock,
  CommandLog,
  IdGenerator,
  Logger,
  MessageLog,
  TokenVerifier,
  Users,
} from "./gateway/ports.ts";
import { redactUrls } from "./gateway/redact_url.ts";
import { readConsoleFiles } from "./gateway/runtime/assets.ts";
import { SystemClock } from "./gateway/runtime/clock.ts";
import { watchEventLoop } from "./gateway/runtime/event_loop.ts";
import { RandomIds } from "./gateway/runtime/ids.ts";
import { createLogger, finishLog, type ProcessLogger } from "./gateway/runtime/logger.ts";
import { TRANSPORTS } from "./gateway/runtime/listen.ts";
import type { Listener } from "./gateway/runtime/transport.ts";
import { handleUnhandledErrors } from "./gateway/runtime/unhandled_errors.ts";
import {
  admissionOptions,
  listenOptions,
  sessionOptions,
} from "./gateway/config/session_options.ts";
import { VERSION } from "./gateway/config/version.ts";
import { warnOfRisks } from "./gateway/config/warnings.ts";
import { delay } from "./gateway/util.ts";
import { MockIssuer } from "./mock/issuer.ts";
import { loginIssuer } from "./mock/gateway/login.ts";
import { serveMock } from "./mock/server/serve.ts";

/** The collaborators of most parts. */
interface World {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

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
  if (Deno.args[0] === "token") return await tokenCommand();
  const command = parseConfig({
    env: Deno.env.toObject(),
    args: Deno.args,
    readTextFile: Deno.readTextFileSync,
  });
  if ("text" in command) return console.log(command.text);
  const { config } = command;
  const logger = createLogger({ level: config.logLevel, format: config.logFormat });
  // Before the first wait: as PID 1, Deno dies of a segmentation fault without a handler.
  const stop = shutdownSignal(logger);
  warnOfRisks(config, logger);
  const starting = command.command === "mock"
    ? serveMock(config, logger)
    : startGateway(config, logger);
  const running = await Promise.race([starting, stop]);
  await stop;
  // A start that still waits, for NATS say, has nothing to close.
  await running?.close();
  logger.info("stopped");
  await finishLog();
  Deno.exit(0);
}

/** Checks or makes a token; starts nothing, and logs nothing. */
async function tokenCommand(): Promise<void> {
  const clock = new SystemClock();
  const ids = new RandomIds();
  const log = () => {};
  const logger = { debug: log, info: log, warn: log, error: log };
  const { text, error, code } = await runTokenCommand(Deno.args.slice(1), {
    readSettings: () =>
      parseTokenConfig({ env: Deno.env.toObject(), readTextFile: Deno.readTextFileSync }),
    createVerifier: async (config) => (await createAuth({ config, clock, ids, logger })).verifier,
    readStdin: () => new Response(Deno.stdin.readable).text(),
    clock,
  });
  if (text !== "") console.log(text);
  if (error !== undefined) console.error(error);
  Deno.exit(code);
}

/** Builds and starts a gateway; closing it drains. */
async function startGateway(
  config: Config,
  logger: ProcessLogger,
): Promise<Pick<Listener, "close">> {
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
  const { verifier, issuer } = await createAuth(world);
  const gateway = createGateway(world, { log, verifier });
  const page = await openConsole(world);
  const users = shared && await clusterUsers(world, { ...shared, gateway });
  let listeners: Listeners;
  try {
    const parts = { log, gateway, issuer, page, bodyBudget, users: users ?? gateway };
    listeners = await serve(world, parts);
  } catch (error) {
    await log.close();
    throw error;
  }
  const stopWatching = watchEventLoop(clock, (ms) => metrics.eventLoopDelay(ms));
  announce(world, { listeners, page });
  const close = async (): Promise<void> => {
    await gateway.drain(config.drainMs);
    // A peer that holds a request or a dead WebSocket open does not keep the process alive.
    const closed = Promise.all([listeners.clients.close(), listeners.api?.close()]);
    await Promise.race([closed, delay(clock, config.closeGraceMs)]);
    users?.close();
    await log.close();
    await shared?.nats.close();
    stopWatching();
  };
  return { close };
}

/** The log of many nodes, and the connection to NATS that it is on. */
async function openSharedLog(
  { config, clock, ids, logger }: World,
  options: NatsOptions,
): Promise<{ readonly nats: Nats; readonly log: MessageLog & CommandLog }> {
  const nats = await connectNats(options, { clock, logger });
  const log = await openJetStreamLog({
    clock,
    ids,
    logger,
    nats,
    stream: config.natsStream,
    subject: config.natsSubject,
    replicas: config.natsReplicas,
    retentionMs: config.retentionHours * 3_600_000,
    retentionBytes: config.retentionBytes,
  });
  return { nats, log };
}

/** The log of one process. */
async function openOwnLog({ config, clock, ids, logger }: World): Promise<MessageLog> {
  const { retentionBytes } = config;
  const retentionMs = config.retentionHours * 3_600_000;
  if (config.log === "memory") {
    return createMemoryLog({ clock, ids, logger, retentionMs, retentionBytes });
  }
  return await openSqliteLog({
    clock,
    ids,
    logger,
    retentionMs,
    retentionBytes,
    directory: config.dataDir,
    sync: config.logSync,
  });
}

async function createAuth(
  { config, clock, ids, logger: log }: Pick<World, "clock" | "ids" | "logger"> & {
    readonly config: TokenConfig;
  },
): Promise<{ readonly verifier: TokenVerifier; readonly issuer: MockIssuer | undefined }> {
  const { auth, jwtIssuer: issuer, jwtAudience: audience, clockToleranceMs } = config;
  const common = {
    clock,
    clockToleranceMs,
    ...issuer === undefined ? {} : { issuer },
    ...audience === undefined ? {} : { audience },
  };
  switch (auth.mode) {
    case "secret":
      return { verifier: createVerifier(sharedSecret(auth.secret), common), issuer: undefined };
    case "jwks": {
      const keys = new KeySet({ url: auth.url, fetch, clock, log });
      void keys.prefetch();
      return { verifier: createVerifier(keys, common), issuer: undefined };
    }
    case "mock": {
      const mock = await MockIssuer.create({ clock, ids });
      const { issuer, audience, jwksUrl: url, fetch } = mock;
      const keys = new KeySet({ url, fetch, clock, log, unknownKeyCooldownMs: 0 });
      // Both have one clock, so there is nothing to tolerate.
      const options = { clock, issuer, audience };
      return { verifier: createVerifier(keys, options), issuer: mock };
    }
  }
}

function createGateway(
  { config, clock, ids, logger, metrics }: World,
  parts: { readonly log: MessageLog; readonly verifier: TokenVerifier },
): Gateway {
  const limits = admissionOptions(config);
  const connection = sessionOptions(config);
  return new Gateway({ clock, ids, logger, metrics, ...parts, limits, connection });
}

/** The console, if it is to be served. */
async function openConsole({ config, logger }: World): Promise<ConsoleOptions | undefined> {
  const { console: served, publishKey, heartbeatIntervalMs } = config;
  if (!served) return undefined;
  return {
    files: await readConsoleFiles(CONSOLE_FILES, { logger }),
    publishKey: publishKey === DEVELOPMENT_PUBLISH_KEY ? publishKey : undefined,
    heartbeatIntervalMs,
  };
}

interface Listeners {
  readonly clients: Listener;
  /** Serves everything but clients, if that is a port of its own. */
  readonly api: Listener | undefined;
}

async function serve(
  { config, clock, logger, metrics }: World,
  { log, gateway, issuer, page, users, bodyBudget }: {
    readonly bodyBudget: BodyBudget;
    readonly log: MessageLog;
    readonly gateway: Gateway;
    readonly users: Users;
    readonly issuer: MockIssuer | undefined;
    readonly page: ConsoleOptions | undefined;
  },
): Promise<Listeners> {
  const http: HttpOptions = {
    log: withBackpressure(log, {
      whenBelowBacklogLimit: () => gateway.whenBelowBacklogLimit(),
      failed: () => metrics.logPublishFailed(),
    }),
    users,
    bodyBudget,
    connect: (...given) => gateway.connect(...given),
    allowedOrigins: config.allowedOrigins,
    originRefused: () => metrics.refused("origin"),
    draining: () => gateway.draining,
    bug: () => metrics.bug(),
    metricsText: () => metrics.text(),
    publishKeys: [config.publishKey],
    issuer: issuer && loginIssuer(issuer, config),
    console: page,
    allowAnyHost: config.allowAnyHost,
    logger,
    clock,
    version: VERSION,
    maxMessageBytes: config.maxMessageBytes,
  };
  const { api, host, port, transport } = config;
  const common = { ...listenOptions(config), badRequest: invalidHost, clock, logger };
  const handle = createHttp(http, api === undefined ? "all" : "clients");
  const clients = await TRANSPORTS[transport]({
    ...common,
    ...{ host, port, portName: "GATEWAY_PORT", handle },
  });
  if (api === undefined) return { clients, api: undefined };
  const apart = { ...http, console: page && { ...page, clientsUrl: clients.url } };
  return {
    clients,
    api: await TRANSPORTS.deno({
      ...common,
      ...api,
      portName: "GATEWAY_API_PORT",
      handle: createHttp(apart, "api"),
    }),
  };
}

/** With NATS, a user's connections may be on any node. */
function clusterUsers(
  { config, clock, ids, logger }: World,
  { nats, log, gateway }: {
    readonly nats: Nats;
    readonly log: CommandLog;
    readonly gateway: Gateway;
  },
): Promise<ClusterUsers> {
  const subject = `${config.natsSubject}-nodes`;
  return ClusterUsers.start({
    bus: natsBus(nats),
    log,
    local: gateway,
    clock,
    ids,
    logger,
    subject,
  });
}

/** Logs the URLs, and in development how to log in. */
function announce(
  { config, logger }: World,
  { listeners: { clients: { url }, api }, page }: {
    readonly listeners: Listeners;
    readonly page: ConsoleOptions | undefined;
  },
): void {
  logger.info("listening", {
    url,
    api: api?.url,
    transport: config.transport,
    version: VERSION,
    auth: config.auth.mode,
    log: config.nats === undefined ? config.log : "nats",
  });
  if (config.auth.mode === "mock") {
    const isKnown = config.publishKey === DEVELOPMENT_PUBLISH_KEY;
    logger.warn("the mock issuer is on: anybody who reaches this port can log in as anybody", {
      login: `POST ${url}/login`,
      publishKey: isKnown ? DEVELOPMENT_PUBLISH_KEY : "as given",
    });
  }
  if (page !== undefined && page.files.size > 0) {
    logger.info("open the console in a browser", { console: `${api?.url ?? url}/` });
  }
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function shutdownSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      Deno.addSignalListener(signal, () => {
        signals += 1;
        if (signals > 1) Deno.exit(1);
        logger.info("draining", { signal });
        resolve();
      });
    }
  });
}
