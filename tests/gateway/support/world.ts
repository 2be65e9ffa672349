/**
 * A whole gateway on a fake clock, with peers that a test plays frame by frame.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Connection } from "../../../gateway/session/connection.ts";
import type { ConnectionOptions } from "../../../gateway/session/connection_context.ts";
import { sessionOptions } from "../../../gateway/config/session_options.ts";
import { Gateway } from "../../../gateway/gateway.ts";
import { createMemoryLog } from "../../../gateway/log/memory.ts";
import { Metrics } from "../../../gateway/metrics/metrics.ts";
import type { Draft, Json, Message } from "../../../gateway/ports.ts";
import { Op, type Reduce } from "../../../gateway/protocol/mod.ts";
import { FakeClock, settle } from "../../../mock/doubles/clock.ts";
import { FakeIds } from "../../../mock/doubles/ids.ts";
import { FakeLogger } from "../../../mock/doubles/logger.ts";
import { FakeSocket } from "../../../mock/doubles/socket.ts";
import { FakeVerifier, FaultyLog } from "./fakes.ts";

export const NUMBERS: ConnectionOptions = {
  ...sessionOptions(),
  verifyTimeoutMs: 8000,
  closeGraceMs: 3000,
};

/** Deviations from the defaults in one test. */
export interface WorldOptions {
  readonly connection?: Partial<ConnectionOptions>;
  readonly limits?: {
    readonly maxConnections?: number;
    readonly maxConnectionsPerIp?: number;
    readonly maxUnidentified?: number;
    readonly maxConnectionsPerUser?: number;
    readonly connectRatePerIp?: number;
    readonly connectBurstPerIp?: number;
  };
  readonly retentionMs?: number;
  readonly retentionMessages?: number;
  readonly turnDeliveries?: number;
  readonly reduce?: Reduce;
}

export interface Identity {
  readonly user?: string;
  readonly channels?: readonly string[];
  readonly lastId?: string | undefined;
  /** Identify has it only if it is given. */
  readonly signals?: boolean;
  /** Unix milliseconds; by default a day from now. */
  readonly expiresAt?: number;
  /** Unix milliseconds; 0 by default. */
  readonly issuedAt?: number;
}

/** A parsed frame. */
type Fields = { readonly [key: string]: Json };

/** A gateway and its fakes. */
export class World {
  readonly clock = new FakeClock();
  readonly ids = new FakeIds();
  readonly logger = new FakeLogger();
  readonly metrics = new Metrics({ version: "0", runtime: "test", residentBytes: () => 0 });
  readonly verifier = new FakeVerifier();
  readonly log: FaultyLog;
  readonly gateway: Gateway;

  /** A gateway without connections. */
  constructor(
    { connection, limits, reduce, turnDeliveries, retentionMessages = Infinity, ...retention }:
      WorldOptions = {},
  ) {
    const { clock, ids, logger, metrics, verifier } = this;
    this.log = new FaultyLog(
      createMemoryLog({ clock, ids, logger, testing: { retentionMessages }, ...retention }),
    );
    this.gateway = new Gateway({
      ...{ clock, ids, logger, metrics, verifier, log: this.log },
      connection: { ...NUMBERS, ...connection },
      node: { node: "here:8000", transport: "fake" },
      limits: {
        maxConnections: 10_000,
        maxConnectionsPerIp: 10_000,
        maxUnidentified: 10_000,
        maxConnectionsPerUser: 0,
        connectRatePerIp: 10_000,
        connectBurstPerIp: 10_000,
        ...limits,
      },
      ...(turnDeliveries === undefined ? {} : { turnDeliveries }),
      ...(reduce === undefined ? {} : { reduce }),
    });
  }

  /** A peer whose WebSocket has just opened. */
  connect(address = "192.0.2.1", socket = new FakeSocket(), heartbeatIntervalMs?: number): Peer {
    const entry = this.gateway.connect(address, heartbeatIntervalMs);
    assert.ok(typeof entry === "object", `not admitted: ${String(entry)}`);
    return new Peer(this, socket, entry.accept(socket));
  }

  /** A peer that is ready. */
  async ready(identity: Identity = {}, socket = new FakeSocket()): Promise<Peer> {
    const peer = this.connect("192.0.2.1", socket);
    peer.identify(identity);
    await settle();
    assert.equal(peer.connection.phase, "ready");
    return peer;
  }

  /** Publishes, and waits for the effects. */
  async publish(...drafts: readonly Partial<Draft>[]): Promise<readonly Message[]> {
    const messages = await this.log.publish(
      drafts.map((draft) => ({ author: "app", content: null, ...draft })),
    );
    await settle();
    return messages;
  }

  publishMany(count: number, draft: Partial<Draft> = {}): Promise<readonly Message[]> {
    return this.publish(...Array.from({ length: count }, () => draft));
  }

  /** The number of connections in each phase, without empty phases. */
  async phases(): Promise<Record<string, number>> {
    const phases: Record<string, number> = {};
    for (const phase of ["unidentified", "verifying", "locating", "ready", "closing"]) {
      const count = await this.metrics.value("gateway_connections", { phase });
      if (count !== 0) phases[phase] = count;
    }
    return phases;
  }

  /** The number of connections that ended with this code. */
  closes(code: number | "peer"): Promise<number> {
    return this.metrics.value("gateway_closes_total", { code: String(code) });
  }

  /** Asserts that nothing remains of any connection: no table entry, no timer, no gauge. */
  async assertEmpty(): Promise<void> {
    for (const [table, size] of Object.entries(this.gateway.tables)) {
      assert.equal(size, 0, `table ${table}`);
    }
    assert.equal(this.clock.pending, 0, "timers");
    assert.deepEqual(await this.phases(), {});
    assert.equal(await this.metrics.value("gateway_lingering_sockets"), 0);
  }
}

/** The other side of one connection. */
export class Peer {
  readonly socket: FakeSocket;
  readonly connection: Connection;
  readonly #world: World;

  /** Plays the peer of `connection`. */
  constructor(world: World, socket: FakeSocket, connection: Connection) {
    this.#world = world;
    this.socket = socket;
    this.connection = connection;
  }

  /** Sends Identify with a token of these claims. */
  identify(identity: Identity = {}): void {
    const { user = "alice", channels = [], issuedAt = 0, lastId, signals } = identity;
    const expiresAt = identity.expiresAt ?? this.#world.clock.now() + 86_400_000;
    const token = this.#world.verifier.token({ ok: true, user, channels, expiresAt, issuedAt });
    this.identifyWith(token, lastId, signals);
  }

  identifyWith(token: string, lastId?: string, signals?: boolean): void {
    this.socket.receiveFrame({
      ...{ op: Op.Identify, token },
      ...(lastId === undefined ? {} : { last_id: lastId }),
      ...(signals === undefined ? {} : { signals }),
    });
  }

  /** Acknowledges the last heartbeat. */
  acknowledge(): void {
    const time = this.frames(Op.Heartbeat).at(-1)?.["time"];
    assert.ok(typeof time === "number", "there was no beat");
    this.socket.receiveFrame({ op: Op.HeartbeatAck, time });
  }

  frames(op: number): Fields[] {
    return this.socket.frames.filter((frame): frame is Fields => {
      return typeof frame === "object" && frame !== null && Reflect.get(frame, "op") === op;
    });
  }

  /** The ids of the messages that it received. */
  get received(): Json[] {
    return this.frames(Op.Message).map((frame) => frame["id"] ?? null);
  }

  /** The newest Ready. */
  get ready(): Fields {
    const ready = this.frames(Op.Ready).at(-1);
    assert.ok(ready !== undefined, "there was no Ready");
    return ready;
  }

  get closeCode(): number | undefined {
    return this.socket.closeFrame?.code;
  }
}

export function idsOf(messages: readonly Message[]): string[] {
  return messages.map(({ id }) => id);
}
