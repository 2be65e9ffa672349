/**
 * Defines the options of a simulated world: seed, size, faults, and the seams for deliberate bugs.
 *
 * @module
 */

import type { GatewayClientOptions } from "../client/mod.ts";
import type { Connection } from "../gateway/session/connection.ts";
import type { Store } from "../gateway/log/mod.ts";
import type {
  Clock,
  CommandLog,
  LimitedUsers,
  MessageLog,
  Signals,
  Socket,
  Users,
} from "../gateway/ports.ts";
import type { Reduce } from "../gateway/protocol/mod.ts";
import type { Post, Webhooks } from "../gateway/webhooks/mod.ts";
import type { ClusterNode } from "./cluster.ts";
import type { Fault } from "./faults.ts";

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
  /** The users as a gateway answers for them; `local` are those of its own node. */
  readonly users?: (users: Users, local: Users) => Users;
  /** The users of one of several nodes, as the limit on their connections sees them. */
  readonly limited?: (users: LimitedUsers) => LimitedUsers;
  /** Signals as a node's own gateway takes them. */
  readonly signals?: (signals: Signals) => Signals;
  readonly store?: (store: Store) => Store;
  /** The webhooks of each node, and its clock. */
  readonly webhooks?: (webhooks: Webhooks, clock: Clock) => Webhooks;
  /** The requests of webhooks. */
  readonly post?: (post: Post, clock: Clock) => Post;
  /** The gateway's clock. */
  readonly clock?: (clock: Clock) => Clock;
  /** The server's side of each socket. */
  readonly socket?: (socket: Socket) => Socket;
  /** Called with each connection before its session begins. */
  readonly accepted?: (connection: Connection) => void;
  /** The options of the client library in each app. */
  readonly client?: (options: GatewayClientOptions) => GatewayClientOptions;
}

/** `real` with some members replaced; the others keep their private state. */
export function replaced<T extends object>(real: T, changes: Partial<T>): T {
  return new Proxy(real, {
    get: (target, key) => {
      const value: unknown = Reflect.get(Object.hasOwn(changes, key) ? changes : target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
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
