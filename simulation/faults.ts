/**
 * Lists the faults of a world. docs/simulation.md is printed from this table.
 *
 * @module
 */

export interface FaultInfo {
  /** Inflicted on one client at a time, this often relative to the others. */
  readonly weight?: number;
  /** Inflicted on the world; mean time between two, in virtual hours. */
  readonly everyHours?: number;
  /** Only in worlds of several nodes. */
  readonly nodes?: true;
  readonly effect: string;
}

/** A fault with neither weight nor interval is there all the time. */
export const FAULTS = {
  delay: { effect: "some frames, and all behind them, take up to 8 s" },
  stall: { weight: 3, effect: "one direction of a connection stops for up to two minutes" },
  half_open: {
    weight: 3,
    everyHours: 6,
    effect: "a connection, or a third of all, is dead without either side noticing",
  },
  reset: { weight: 3, effect: "a connection is reset" },
  late_ack: { weight: 3, effect: "ACKs take up to 2, 30 or 46 s" },
  no_ack: {
    weight: 2,
    effect: "a client sends no ACKs or another time, and may not answer the close either",
  },
  double_ack: { weight: 2, effect: "every ACK is sent twice, plus one for no heartbeat" },
  garbage: {
    weight: 3,
    effect: "invalid, binary and overlong frames, and violations of RFC 6455",
  },
  flood: { weight: 1, effect: "60, 115 or 130 frames in 20 s, including pings" },
  away: { weight: 5, effect: "an app restarts, or its network is gone, for seconds or hours" },
  sleep: {
    weight: 3,
    effect: "a device sleeps, so briefly that its connection may survive, or for a night",
  },
  unread: {
    weight: 2,
    effect: "an app does not read for up to ten minutes, so that the client disconnects",
  },
  tokens: {
    weight: 4,
    effect:
      "tokens are wrongly signed, expired, short-lived or another user's; never renewed or issued",
  },
  revoked: {
    weight: 3,
    effect:
      "a user's tokens are revoked, often while one identifies; apps use tokens that are minutes old or have no `iat`",
  },
  slow_reader: { weight: 3, effect: "a connection carries nothing to its client for up to 20 min" },
  slow_catch_up: {
    weight: 4,
    effect: "a client returns after hours at 6 to 30 KB a second; its channels change, bursts come",
  },
  odd_identify: {
    weight: 3,
    effect:
      "Identify comes late, never, twice or with an invalid `last_id`; or the client hangs up",
  },
  crash: {
    everyHours: 3,
    effect: "a process dies, often during a publish; its connections are reset or dead",
  },
  drain: {
    everyHours: 6,
    effect: "a gateway drains and restarts, sometimes while all clients identify",
  },
  log_failure: {
    everyHours: 3,
    effect: "the disk fails or is 100 to 1000 times slower; a crash may bring a failed commit back",
  },
  verifier_failure: {
    everyHours: 4,
    effect: "tokens cannot be verified, or only after up to 15 s",
  },
  receiver_failure: {
    everyHours: 2,
    effect: "the receiver of webhooks is slow, refuses, fails, hangs or loses its answers",
  },
  wall_jump: {
    everyHours: 4,
    effect: "the wall clock is set forward or back by up to two hours",
  },
  retention: { effect: "the log stores one or three hours, or 300 or 2,000 messages" },
  members: { effect: "users join, leave and are disconnected" },
  burst: { effect: "the backend publishes up to 600 messages at once" },
  crowding: {
    effect: "an address may have three connections and a user two, as many as they need",
  },
  cut_off: {
    everyHours: 1,
    nodes: true,
    effect: "a node is separated from the log and the other nodes for 1.5 s to 5 minutes",
  },
  lag: { everyHours: 1, nodes: true, effect: "a node follows the log up to 12 s late" },
} as const satisfies Readonly<Record<string, FaultInfo>>;

export type Fault = keyof typeof FAULTS;

type With<Key extends keyof FaultInfo> = {
  [F in Fault]: (typeof FAULTS)[F] extends Record<Key, unknown> ? F : never;
}[Fault];

export type ClientFault = With<"weight">;
export type WorldFault = With<"everyHours">;

/** All faults, in the order of the table. */
export const FAULT_NAMES = Object.keys(FAULTS) as readonly Fault[];

export function faultInfo(fault: Fault): FaultInfo {
  return FAULTS[fault];
}
