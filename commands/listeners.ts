/**
 * Listens on one port or two: HTTP routes, the console and clients.
 *
 * @module
 */

import { DEVELOPMENT_PUBLISH_KEY } from "../gateway/config/keys.ts";
import { listenOptions } from "../gateway/config/session_options.ts";
import { VERSION } from "../gateway/config/version.ts";
import type { Gateway } from "../gateway/gateway.ts";
import { CONSOLE_FILES } from "../gateway/http/console.ts";
import { type ConsoleOptions, createHttp, type HttpOptions } from "../gateway/http/mod.ts";
import { invalidHost } from "../gateway/http/problem.ts";
import type { BodyBudget, Signals, Users } from "../gateway/ports.ts";
import { readConsoleFiles } from "../gateway/runtime/assets.ts";
import { TRANSPORTS } from "../gateway/runtime/listen.ts";
import type { Listener } from "../gateway/runtime/transport.ts";
import type { PublishTraces } from "../gateway/http/traces.ts";
import type { MockIssuer } from "../mock/issuer.ts";
import { loginIssuer } from "../mock/gateway/login.ts";
import type { World } from "./world.ts";

export interface Listeners {
  readonly clients: Listener;
  /** Serves everything but clients, if that is a port of its own. */
  readonly api: Listener | undefined;
}

/** The console, if it is to be served. */
export async function openConsole({ config, logger }: World): Promise<ConsoleOptions | undefined> {
  const { console: served, heartbeatIntervalMs } = config;
  if (!served) return undefined;
  return {
    files: await readConsoleFiles(CONSOLE_FILES, { logger }),
    heartbeatIntervalMs,
  };
}

export async function serve(
  { config, clock, logger, metrics }: World,
  { gateway, issuer, page, users, signals, bodyBudget, traces }: {
    readonly bodyBudget: BodyBudget;
    readonly gateway: Gateway;
    readonly users: Users;
    readonly signals: Signals;
    readonly issuer: MockIssuer | undefined;
    readonly page: ConsoleOptions | undefined;
    readonly traces: PublishTraces | undefined;
  },
): Promise<Listeners> {
  const { publishKeyPrevious } = config;
  const http: HttpOptions = {
    log: gateway.log,
    traces,
    users,
    signals,
    bodyBudget,
    connect: (...given) => gateway.connect(...given),
    allowedOrigins: config.allowedOrigins,
    originRefused: () => metrics.refused("origin"),
    draining: () => gateway.draining,
    bug: () => metrics.bug(),
    metricsText: () => metrics.text(),
    publishKeys: [
      config.publishKey,
      ...publishKeyPrevious === undefined ? [] : [publishKeyPrevious],
    ],
    laterKeyUsed: () => metrics.previousKeyUsed("publish_key"),
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

/** Logs the URLs, and in development how to log in. */
export function announce(
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
