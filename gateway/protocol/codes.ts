/**
 * The tables of opcodes and close codes of the wire protocol, version 1, and their meaning. docs/protocol.md
 * and the AsyncAPI document are generated from them. `session.ts` decides when a close code is used.
 *
 * @module
 */

/** Opcodes: the integer `op` that tells frames apart (docs/protocol.md, "Frames"). */
export const Op = {
  Hello: 0,
  Identify: 1,
  Ready: 2,
  Message: 3,
  Signal: 4,
  Heartbeat: 10,
  HeartbeatAck: 11,
} as const;

/** The name of a frame, as the documentation and the metrics write it. */
export type OpName = keyof typeof Op;

/** An opcode, for the author of a client. */
export interface OpInfo {
  /** The side that sends it. */
  readonly sender: "server" | "client" | "both";
  /** The moment at which it is sent, where it is sent once or in answer. */
  readonly when?: string;
  /** Its meaning. */
  readonly summary: string;
}

/** Every opcode in words, apart from the numbers for the same reason as {@linkcode CLOSE_WHEN}. */
export const OP_INFO: Readonly<Record<OpName, OpInfo>> = {
  Hello: {
    sender: "server",
    when: "at once on connect",
    summary: "At once on connect: how often heartbeats are due",
  },
  Identify: {
    sender: "client",
    when: "next; again to renew its token",
    summary: "The token that says who it is; again later to renew it",
  },
  Ready: {
    sender: "server",
    when: "once the token is accepted",
    summary: "The token was accepted and messages follow",
  },
  Message: { sender: "server", summary: "One message of the app" },
  Signal: {
    sender: "server",
    when: "to a client that asked for signals",
    summary:
      'Something of the app that matters only at once, such as "alice is typing"; not stored',
  },
  Heartbeat: { sender: "both", summary: "Are you there?" },
  HeartbeatAck: {
    sender: "both",
    when: "in answer to a heartbeat",
    summary: "Yes; with the time of the heartbeat that it answers",
  },
};

/** By number. A bundler leaves an unused call out if it is marked as pure. */
const OP_NAMES: ReadonlyMap<number, OpName> = /* @__PURE__ */ namesByOp();

function namesByOp(): Map<number, OpName> {
  return new Map(Object.entries(Op).map(([name, op]) => [op, name as OpName]));
}

/** The name of `op`, or `undefined` for a number that the protocol does not know. */
export function opName(op: number): OpName | undefined {
  return OP_NAMES.get(op);
}

/** A close code, for the author of a client (docs/protocol.md, "Close codes"). */
export interface CloseCodeInfo {
  /** The number in the close frame. */
  readonly code: number;
  /** The client may try again with the same token. */
  readonly reconnect: boolean;
}

/** Every code with which the gateway closes a connection, by name. */
export const CloseCode = {
  ProtocolError: { code: 1002, reconnect: false },
  InvalidText: { code: 1007, reconnect: false },
  TooManyFragments: { code: 1008, reconnect: false },
  MessageTooBig: { code: 1009, reconnect: false },
  InternalError: { code: 1011, reconnect: true },
  ServiceRestart: { code: 1012, reconnect: true },
  TryAgainLater: { code: 1013, reconnect: true },
  Malformed: { code: 4001, reconnect: false },
  HeartbeatTimeout: { code: 4002, reconnect: true },
  IdentifyFailed: { code: 4003, reconnect: false },
  IdentifyTimeout: { code: 4004, reconnect: true },
  RateLimited: { code: 4008, reconnect: true },
  SlowConsumer: { code: 4009, reconnect: true },
  Disconnected: { code: 4010, reconnect: false },
  Replaced: { code: 4011, reconnect: false },
} as const satisfies Readonly<Record<string, CloseCodeInfo>>;

/** The code that a WebSocket reports for an end without a close frame (RFC 6455, section 7.4.1). */
export const ABNORMAL = 1006;

/** The name of a close code. */
export type CloseCodeName = keyof typeof CloseCode;

/**
 * The conditions under which the gateway uses each code, for the author of a client. Apart from the numbers,
 * so that a bundler leaves them out of the client library.
 */
export const CLOSE_WHEN: Readonly<Record<CloseCodeName, string>> = {
  ProtocolError: "a frame that RFC 6455 does not allow, such as one without a mask",
  InvalidText: "a text frame that is not UTF-8",
  TooManyFragments:
    "a message in more than 128 fragments, or in more than 1024 pieces on the network",
  MessageTooBig: "a frame longer than `max_frame_bytes`",
  InternalError: "a bug or a lost dependency, this connection only",
  ServiceRestart: "the gateway is draining",
  TryAgainLater: "the gateway or this address has its limit of connections",
  Malformed:
    "not JSON, not an object, unknown `op`, wrong or missing field, binary frame, an op clients do not send",
  HeartbeatTimeout: "no ACK within the interval",
  IdentifyFailed: "the token is invalid, expired or revoked, also while connected",
  IdentifyTimeout: "no Identify in time",
  RateLimited: "more than 120 frames in 60 s, pings and pongs included",
  SlowConsumer: "more than `max_buffered_bytes` unsent",
  Disconnected: "the app's backend asked for it",
  Replaced: "newer connections of the same user took its place",
};

/** The client's first step, where `reconnect` alone does not say it; apart for the same reason. */
export const CLOSE_ADVICE: Partial<Readonly<Record<CloseCodeName, string>>> = {
  IdentifyFailed: "get a new token first",
};

/** The number of a close code that the gateway uses. */
export type CloseCodeValue = (typeof CloseCode)[CloseCodeName]["code"];

/** A close code, and the reason that the close frame gives for it. The reason is for people. */
export interface CloseCause {
  /** The number. */
  readonly code: CloseCodeValue;
  /** At most 123 bytes of UTF-8. */
  readonly reason: string;
}

/**
 * The causes whose reason is always the same. `frames.ts`, `rate_limit.ts` and the verifier of tokens give
 * reasons of their own.
 */
export const CloseCauses = {
  refused: { code: 1013, reason: "too many connections" },
  drained: { code: 1012, reason: "the gateway is restarting" },
  failed: { code: 1011, reason: "internal error" },
  dependencyFailed: { code: 1011, reason: "a service the gateway needs is away" },
  identifyingTooSlow: { code: 1011, reason: "identifying took too long" },
  noAck: { code: 4002, reason: "a heartbeat was not acknowledged" },
  revoked: { code: 4003, reason: "the token was revoked" },
  tokenExpired: { code: 4003, reason: "the token has expired" },
  otherUser: { code: 4003, reason: "the token is another user's" },
  noIdentify: { code: 4004, reason: "no Identify in time" },
  overflowed: { code: 4009, reason: "too much is waiting to be read" },
  disconnected: { code: 4010, reason: "disconnected by the app" },
  replaced: { code: 4011, reason: "the user has newer connections" },
} as const satisfies Readonly<Record<string, CloseCause>>;

/** A code for faults that the transport finds before a frame is read. */
export type ViolationCode =
  | typeof CloseCode.ProtocolError.code
  | typeof CloseCode.InvalidText.code
  | typeof CloseCode.TooManyFragments.code
  | typeof CloseCode.MessageTooBig.code;

/** The row of close code `code`, or `undefined` for one that the gateway does not send. */
export function closeInfo(code: number): CloseCodeInfo | undefined {
  return rowOf(code)?.[1];
}

/** The name of close code `code`, or `undefined` for one that the gateway does not send. */
export function closeName(code: number): CloseCodeName | undefined {
  return rowOf(code)?.[0] as CloseCodeName | undefined;
}

/** Searches the table, because a connection ends rarely and a map would be a part of every page. */
function rowOf(code: number): [string, CloseCodeInfo] | undefined {
  return Object.entries(CloseCode).find(([, info]) => info.code === code);
}
