/**
 * Defines the options of a simulated world: seed, size, faults, and the seams for deliberate bugs.
 *
 * @module
 */

import type { GatewayClientOptions } from "../client/mod.ts";
import type { Connection } from "../gateway/session/connection.ts";
import type { Store } from "../gateway/log/mod.ts";
import type { Clock, CommandLog, MessageLog, Socket, Users } from "../gateway/ports.ts";
import type { Reduce } from "../gateway/protocol/mod.ts";
import type { ClusterNode } from "./cluster.ts";

/** All faults; each can be switched off (docs/simulation.md, "Faults"). */
export const FAULTS = [
  /** Some frames take seconds. */
  "delay",
  /** One direction of a connection pauses. */
  "stall",
  /** A connection dies silently. */
  "half_open",
  /** A connection is reset. */
  "reset",
  /** A client ACKs late, at times too late. */
  "late_ack",
  /** A client stops sending ACKs, or ACKs another time. */
  "no_ack",
  /** A client ACKs twice, or a heartbeat that was never sent. */
  "double_ack",
  /** A client sends invalid frames. */
  "garbage",
  /** A client sends too many frames. */
  "flood",
  /** A client disconnects and returns later. */
  "away",
  /** A device sleeps for seconds or hours; its steady clock may stop too. */
  "sleep",
  /** An app does not read for a while. */
  "unread",
  /** Tokens are invalid, expire, or belong to another user. */
  "tokens",
  /** A connection does not carry messages to the client for a while. */
  "slow_reader",
  /** A client returns after a long time on a slow connection, with changes during its replay. */
  "slow_catch_up",
  /** A client identifies late, twice, never, or with an invalid `last_id`. */
  "odd_identify",
  /** The process ends abruptly; data that is not durable is lost. */
  "crash",
  /** The gateway drains and restarts. */
  "drain",
  /** The log is unavailable or very slow. */
  "log_failure",
  /** The verifier is unavailable or very slow. */
  "verifier_failure",
  /** The wall clock is set. */
  "wall_jump",
  /** Retention is so short that clients return too late. */
  "retention",
  /** The backend lets users join and leave, and disconnects them. */
  "members",
  /** The backend publishes many messages at once. */
  "burst",
  /** Connections exceed the limits. */
  "crowding",
  /** One of several nodes is cut off from the log and the other nodes. */
  "cut_off",
  /** One of several nodes follows the log late. */
  "lag",
] as const;

export type Fault = (typeof FAULTS)[number];

/** Seams for deliberate bugs: each gets the production part and returns its replacement. */
export interface Seams {
  /** Replaces the protocol's reducer. */
  readonly reduce?: Reduce;
  /** The log, for the gateway and the publisher. */
  readonly log?: (log: MessageLog) => MessageLog;
  /** The same for one of several nodes. */
  readonly node?: (node: ClusterNode) => MessageLog;
  /** The commands of one of several nodes. */
  readonly commands?: (node: ClusterNode) => CommandLog;
  /** The users as one of several nodes answers for them; `local` are the node's own. */
  readonly users?: (users: Users, local: Users) => Users;
  readonly store?: (store: Store) => Store;
  /** The gateway's clock. */
  readonly clock?: (clock: Clock) => Clock;
  /** The server's side of each socket. */
  readonly socket?: (socket: Socket) => Socket;
  /** Called with each connection before its session begins. */
  readonly accepted?: (connection: Connection) => void;
  /** The options of the client library in each app. */
  readonly client?: (options: GatewayClientOptions) => GatewayClientOptions;
}

export interface WorldOptions {
  /** Any text; the same seed gives the same world. */
  readonly seed: string;
  /** Virtual hours; then the world heals and the last checks run. */
  readonly hours: number;
  readonly clients: number;
  /** Number of gateways, 1 by default: one stores its log on a disk, several share one. */
  readonly nodes?: number;
  /** Disabled faults. */
  readonly without?: readonly Fault[];
  /** Records a trace. Costs time and memory, and changes nothing else. */
  readonly recording?: boolean;
  readonly seams?: Seams;
  /** Waits for promises after every event, not only after those that can settle some. */
  readonly patient?: boolean;
}
