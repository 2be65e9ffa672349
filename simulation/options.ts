/**
 * What a simulated world is made from: a seed, its size, the faults that are on, and the places at which
 * a test may put a bug into the gateway.
 *
 * @module
 */

import type { GatewayClientOptions } from "../client/mod.ts";
import type { Connection } from "../gateway/session/connection.ts";
import type { Store } from "../gateway/log/mod.ts";
import type { Clock, CommandLog, MessageLog, Socket, Users } from "../gateway/ports.ts";
import type { Reduce } from "../gateway/protocol/mod.ts";
import type { ClusterNode } from "./cluster.ts";

/** Everything that can go wrong in a world; each can be switched off (docs/simulation.md, "Faults"). */
export const FAULTS = [
  /** Frames that take seconds. */
  "delay",
  /** One direction of a connection stands still for a while. */
  "stall",
  /** A connection is dead and neither side is told. */
  "half_open",
  /** A connection is reset. */
  "reset",
  /** A client that takes long to ACK, at times too long. */
  "late_ack",
  /** A client that ACKs no more, or with another time. */
  "no_ack",
  /** A client that ACKs twice, or what was never asked. */
  "double_ack",
  /** A client that sends what is not of the protocol. */
  "garbage",
  /** A client that sends too many frames. */
  "flood",
  /** A client that goes away and comes back. */
  "away",
  /** A device that sleeps, for a nap or for a night; its clock may stand still, too. */
  "sleep",
  /** An app that does not read what it is sent for a while. */
  "unread",
  /** Tokens that are bad, expire, or belong to somebody else. */
  "tokens",
  /** A client that does not read for a while. */
  "slow_reader",
  /** A client that comes back after long to a connection that carries little, while much happens. */
  "slow_catch_up",
  /** A client that identifies late, twice at once, or with a `last_id` that is none. */
  "odd_identify",
  /** The gateway's process ends without notice; what was not durable is gone. */
  "crash",
  /** The gateway drains and is started again. */
  "drain",
  /** The log cannot be written or read for a while, or is very slow. */
  "log_failure",
  /** The verifier cannot decide for a while, or is very slow. */
  "verifier_failure",
  /** The wall clock is set. */
  "wall_jump",
  /** The log keeps little, so that clients come back too late. */
  "retention",
  /** The backend lets users join, leave, and disconnects them. */
  "members",
  /** The backend publishes a lot at once. */
  "burst",
  /** More connections than the limits allow. */
  "crowding",
  /** A node of many is cut off from the log and from the other nodes for a while. */
  "cut_off",
  /** A node of many follows the log late. */
  "lag",
] as const;

/** The name of something that can go wrong. */
export type Fault = (typeof FAULTS)[number];

/** Where a test puts a bug in: each gets the production part and gives what is used in its place. */
export interface Seams {
  /** Another reducer than the protocol's. */
  readonly reduce?: Reduce;
  /** The log, as the gateway and the publisher see it. */
  readonly log?: (log: MessageLog) => MessageLog;
  /** The log of a node of many, as the gateway and the publisher see it. */
  readonly node?: (node: ClusterNode) => MessageLog;
  /** The commands of a node of many. */
  readonly commands?: (node: ClusterNode) => CommandLog;
  /** What a node of many answers the backend; `local` are the users of that node. */
  readonly users?: (users: Users, local: Users) => Users;
  /** The store below the log. */
  readonly store?: (store: Store) => Store;
  /** The clock, as the gateway sees it. */
  readonly clock?: (clock: Clock) => Clock;
  /** The server side of each connection's socket. */
  readonly socket?: (socket: Socket) => Socket;
  /** Called with each connection before its session begins. */
  readonly accepted?: (connection: Connection) => void;
  /** What the client library is given by each app. */
  readonly client?: (options: GatewayClientOptions) => GatewayClientOptions;
}

/** What makes a world. */
export interface WorldOptions {
  /** The same seed gives the same world; any text. */
  readonly seed: string;
  /** How long it lasts, in virtual hours; then it is left to heal, and looked at for the last time. */
  readonly hours: number;
  /** How many clients it has. */
  readonly clients: number;
  /** How many gateways serve them, 1 unless given: one has its log on a disk, more share one. */
  readonly nodes?: number;
  /** Faults that are off. */
  readonly without?: readonly Fault[];
  /** Whether to keep a trace. It costs time and memory, and changes nothing else. */
  readonly recording?: boolean;
  /** Bugs that a test puts in. */
  readonly seams?: Seams;
  /** Whether to wait for promises after every event, and not just where some can have settled. */
  readonly patient?: boolean;
}
