/**
 * The gateway, its log and its routes as they live from one reset of a mock gateway to the next.
 *
 * It puts production parts together and decides nothing.
 *
 * @module
 */

import { createVerifier, KeySet } from "../../auth/mod.ts";
import type { ConnectionOptions } from "../../gateway/session/connection_context.ts";
import {
  Gateway,
  type GatewayOptions,
  type PendingConnection,
  type Refused,
} from "../../gateway/gateway.ts";
import { createHttp } from "../../gateway/http/mod.ts";
import { createMemoryLog } from "../../gateway/log/memory.ts";
import { Metrics } from "../../gateway/metrics.ts";
import { withBackpressure } from "../../gateway/log/backpressure.ts";
import type {
  Clock,
  IdGenerator,
  Logger,
  MessageLog,
  RequestHandler,
  TokenVerifier,
} from "../../gateway/ports.ts";
import { VERSION } from "../../gateway/config/version.ts";
import type { MockIssuer } from "../issuer.ts";
import type { Links } from "./links.ts";
import { loginIssuer } from "./login.ts";
import type { PendingTasks } from "./work.ts";

/** What the peers of a mock gateway are, when they are outside of its process. */
export interface ExternalPeers {
  /** Real time. */
  readonly clock: Clock;
  /** Origins from which browsers may connect, in lower case; empty allows all. */
  readonly allowedOrigins: readonly string[];
  /**
   * Resolves once every peer has answered what it was sent, or has had its chance. Returns whether it
   * waited for one.
   */
  answered(links: Links): Promise<boolean>;
}

/** What an era is made of. */
export interface InstanceDeps {
  readonly clock: Clock;
  readonly issuer: MockIssuer;
  readonly work: PendingTasks;
  readonly links: Links;
  readonly logger: Logger;
  readonly outside: ExternalPeers | undefined;
  /** Names the log. */
  readonly epochs: IdGenerator;
  readonly connection: ConnectionOptions;
  readonly limits: GatewayOptions["limits"];
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
  readonly publishKey: string;
}

/** What lives from one reset to the next. */
export interface Instance {
  readonly gateway: Gateway;
  readonly log: MessageLog;
  readonly handle: RequestHandler;
}

/** Begins an era: nobody is connected, nothing was published. */
export function createInstance(parts: InstanceDeps): Instance {
  const { clock, logger, links, epochs, retentionMs, connection, limits } = parts;
  const metrics = new Metrics({ version: VERSION, runtime: "mock", residentBytes: () => 0 });
  const log = paceReplays(createMemoryLog({ clock, ids: epochs, logger, retentionMs }), parts);
  const gateway = new LinkedGateway({
    clock,
    logger,
    metrics,
    log,
    limits,
    connection,
    ids: { next: () => links.newest },
    verifier: createMockVerifier(parts),
  }, links);
  return { gateway, log, handle: createRoutes(parts, { gateway, log, metrics }) };
}

/** The gateway, each of whose sockets has a link in front of it. */
class LinkedGateway extends Gateway {
  readonly #links: Links;

  constructor(options: GatewayOptions, links: Links) {
    super(options);
    this.#links = links;
  }

  override connect(address: string): PendingConnection | Refused {
    const entry = super.connect(address);
    if (typeof entry === "string") return entry;
    return {
      accept: (socket) => entry.accept(this.#links.add(socket, address)),
      abandon: () => entry.abandon(),
    };
  }
}

/** Verifies as in production, and makes time wait for it. */
function createMockVerifier({ clock, issuer, work, logger }: InstanceDeps): TokenVerifier {
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
  return { verify: (token) => work.track(verifier.verify(token)) };
}

/**
 * A replay is paced by what its peer has read, and finds that out by a timer. Links say that everything
 * was read, so that it need not wait for virtual time; in return it waits here, for its peer in fact.
 */
function paceReplays(log: MessageLog, { links, work, outside }: InstanceDeps): MessageLog {
  const read = log.read.bind(log);
  log.read = (query) => {
    if (outside === undefined || !links.congested) return read(query);
    return work.track(outside.answered(links).then(() => read(query)));
  };
  return log;
}

function createRoutes(
  { issuer, logger, publishKey, maxMessageBytes, outside, clock, connection }: InstanceDeps,
  { gateway, log, metrics }: Pick<Instance, "gateway" | "log"> & { readonly metrics: Metrics },
): RequestHandler {
  return createHttp({
    log: withBackpressure(log, {
      ready: () => gateway.ready(),
      failed: () => metrics.logPublishFailed(),
    }),
    users: gateway,
    connect: (address) => gateway.connect(address),
    allowedOrigins: outside?.allowedOrigins ?? [],
    originRefused: () => metrics.refused("origin"),
    draining: () => gateway.draining,
    bug: () => metrics.bug(),
    metricsText: () => metrics.text(),
    publishKeys: [publishKey],
    issuer: loginIssuer(issuer, connection),
    logger,
    clock: outside?.clock ?? clock,
    version: VERSION,
    maxMessageBytes,
  });
}
