/**
 * Assembles the gateway, its log and its routes from production parts. Each reset of a mock gateway makes a
 * new instance.
 *
 * @module
 */

import { createVerifier, KeySet } from "../../auth/mod.ts";
import type { ConnectionOptions } from "../../gateway/session/connection_context.ts";
import { Gateway, type GatewayOptions } from "../../gateway/gateway.ts";
import { createHttp } from "../../gateway/http/mod.ts";
import { problem } from "../../gateway/http/problem.ts";
import { createMemoryLog } from "../../gateway/log/memory.ts";
import { Metrics } from "../../gateway/metrics/metrics.ts";
import type {
  Clock,
  Exchange,
  IdGenerator,
  Logger,
  MessageLog,
  RequestHandler,
  Socket,
  TokenVerifier,
} from "../../gateway/ports.ts";
import { overrideLog } from "../../gateway/util.ts";
import { VERSION } from "../../gateway/config/version.ts";
import type { MockIssuer } from "../issuer.ts";
import type { Player } from "../replay/player.ts";
import type { Links } from "./links.ts";
import { loginIssuer } from "./login.ts";
import type { PendingTasks } from "./pending_tasks.ts";
import { isHandshake } from "./refusable.ts";
import { refusal } from "./refusal.ts";

/** Clients of a mock gateway that run in other processes. */
export interface ExternalPeers {
  /** Real time. */
  readonly clock: Clock;
  /** Origins from which browsers may connect, in lower case; empty allows all. */
  readonly allowedOrigins: readonly string[];
  /** Resolves when every peer has replied or was given up on. Returns whether it waited for one. */
  answered(links: Links): Promise<boolean>;
  /** Resolves when peers on a clock in step have nothing more to do. Returns whether it waited for one. */
  rested?(): Promise<boolean>;
}

export interface InstanceDeps {
  readonly clock: Clock;
  readonly issuer: MockIssuer;
  readonly tasks: PendingTasks;
  readonly links: Links;
  readonly logger: Logger;
  readonly external: ExternalPeers | undefined;
  /** Names the log, so that the ids of one instance are foreign to the next. */
  readonly epochs: IdGenerator;
  readonly connection: ConnectionOptions;
  readonly limits: GatewayOptions["limits"];
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
  readonly publishKey: string;
}

export interface Instance {
  readonly gateway: Gateway;
  readonly log: MessageLog;
  readonly handle: RequestHandler;
  /** Admits a connection, or returns the reason for refusing it. There is a link in front of each socket. */
  readonly connect: (address: string) => { accept(socket: Socket): unknown } | string;
}

/** Makes an instance without connections or messages. With a player, clients connect to that. */
export function createInstance(deps: InstanceDeps, player?: Player): Instance {
  const { clock, logger, links, epochs, retentionMs, connection, limits } = deps;
  const metrics = new Metrics({ version: VERSION, runtime: "mock", residentBytes: () => 0 });
  const log = paceReplays(createMemoryLog({ clock, ids: epochs, logger, retentionMs }), deps);
  const gateway = new Gateway({
    clock,
    logger,
    metrics,
    log,
    limits,
    connection,
    node: { node: "mock", transport: "virtual" },
    ids: { next: () => links.newest },
    verifier: createMockVerifier(deps),
  });
  const connect: Gateway["connect"] = (address, heartbeatIntervalMs) => {
    const pending = gateway.connect(address, heartbeatIntervalMs);
    if (typeof pending === "string") return pending;
    return {
      accept: (socket) => pending.accept(links.add(socket, address)),
      abandon: () => pending.abandon(),
    };
  };
  let routes: RequestHandler | undefined;
  const handle: RequestHandler = (request, exchange) => {
    // Not before a request: routes and their documents take 5 ms, and many tests need a WebSocket only.
    routes ??= createRoutes(deps, { gateway, connect, metrics });
    return routes(request, exchange);
  };
  if (player === undefined) return { gateway, log, connect, handle };
  return {
    gateway,
    log,
    connect: (address) => player.next(address) ?? "over",
    handle: (request, exchange) =>
      isHandshake(request) ? upgrade(exchange, player) : handle(request, exchange),
  };
}

function upgrade(exchange: Exchange, player: Player): Response {
  const next = player.next(exchange.address);
  if (next === undefined) {
    const detail = "The recording has no more connections.";
    return refusal({ status: 503, code: "recording_over", title: "Service Unavailable", detail });
  }
  const response = exchange.upgrade({
    opened: (socket) => next.accept(socket),
    abandoned: () => {},
  });
  return typeof response === "string" ? problem("bad_handshake", response) : response;
}

/** Verifies as in production, and makes time wait for it. */
function createMockVerifier({ clock, issuer, tasks, logger }: InstanceDeps): TokenVerifier {
  const keys = new KeySet({
    url: issuer.jwksUrl,
    fetch: issuer.fetch,
    clock,
    log: logger,
    // Time waits for the verdict, so the verdict must not wait for time.
    unknownKeyCooldownMs: 0,
  });
  const { audience } = issuer;
  const verifier = createVerifier(keys, { clock, issuer: issuer.issuer, audience });
  return { verify: (token) => tasks.track(verifier.verify(token)) };
}

/**
 * In production, a replay polls by a timer for its peer to have read. Links report that everything was
 * read, so that a replay need not wait for virtual time; instead, reading the log waits here for the peer.
 */
function paceReplays(log: MessageLog, { links, tasks, external }: InstanceDeps): MessageLog {
  if (external === undefined) return log;
  return overrideLog(log, {
    read: (query) =>
      links.congested
        ? tasks.track(external.answered(links).then(() => log.read(query)))
        : log.read(query),
  });
}

function createRoutes(
  { issuer, logger, publishKey, maxMessageBytes, external, clock, connection }: InstanceDeps,
  { gateway, connect, metrics }: {
    readonly gateway: Gateway;
    readonly connect: Gateway["connect"];
    readonly metrics: Metrics;
  },
): RequestHandler {
  return createHttp({
    log: gateway.log,
    users: gateway,
    signals: gateway,
    connect,
    allowedOrigins: external?.allowedOrigins ?? [],
    originRefused: () => metrics.refused("origin"),
    draining: () => gateway.draining,
    bug: () => metrics.bug(),
    metricsText: () => metrics.text(),
    publishKeys: [publishKey],
    issuer: loginIssuer(issuer, connection),
    logger,
    clock: external?.clock ?? clock,
    tokenClock: clock,
    version: VERSION,
    maxMessageBytes,
  });
}
