/**
 * The types of the frames. Apart from `frames.ts`, so that the client library needs no schema library.
 *
 * @module
 */

import type { Op } from "./codes.ts";
import type { Json } from "./json_type.ts";

/** Hello, op 0. */
export interface Hello {
  /** Tells the frame apart. */
  readonly op: typeof Op.Hello;
  /** Milliseconds between two heartbeats. */
  readonly heartbeat_interval: number;
}

/** Identify, op 1. */
export interface Identify {
  /** Tells the frame apart. */
  readonly op: typeof Op.Identify;
  /** The JWT. */
  readonly token: string;
  /** The last id that the client has seen. */
  readonly last_id?: string | undefined;
  /** Asks for signals, until the next Identify. */
  readonly signals?: boolean | undefined;
}

/** Ready, op 2. */
export interface Ready {
  /** Tells the frame apart. */
  readonly op: typeof Op.Ready;
  /** The token's user. */
  readonly user: string;
  /** The position at which the session begins. */
  readonly last_id: string;
  /** Everything missed follows; present only if Identify carried a `last_id`. */
  readonly resumed?: boolean | undefined;
}

/** Message, op 3. */
export interface MessageFrame {
  /** Tells the frame apart. */
  readonly op: typeof Op.Message;
  /** The message's position. */
  readonly id: string;
  /** Absent on a message to one user or to everyone. */
  readonly channel?: string | undefined;
  /** The author, as the backend names them. */
  readonly author: string;
  /** Any JSON. */
  readonly content: Json;
  /** Unix milliseconds. */
  readonly time: number;
  /** True if it was published before the session began; absent if since. */
  readonly replayed?: boolean | undefined;
}

/** Signal, op 4. */
export interface SignalFrame {
  /** Tells the frame apart. */
  readonly op: typeof Op.Signal;
  /** Absent on a signal to one user or to everyone. */
  readonly channel?: string | undefined;
  /** The author, as the backend names them. */
  readonly author: string;
  /** Any JSON. */
  readonly content: Json;
  /** Unix milliseconds. */
  readonly time: number;
}

/** Heartbeat, op 10. */
export interface Heartbeat {
  /** Tells the frame apart. */
  readonly op: typeof Op.Heartbeat;
  /** Unix milliseconds. */
  readonly time: number;
}

/** Heartbeat ACK, op 11. */
export interface HeartbeatAck {
  /** Tells the frame apart. */
  readonly op: typeof Op.HeartbeatAck;
  /** That of the heartbeat it answers. */
  readonly time: number;
}

/** A frame that a client sends. */
export type ClientFrame = Identify | Heartbeat | HeartbeatAck;

/** A frame that the server sends. */
export type ServerFrame =
  | Hello
  | Ready
  | MessageFrame
  | SignalFrame
  | Heartbeat
  | HeartbeatAck;
