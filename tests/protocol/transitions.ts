/**
 * The transition table of the session, as data. The tests hold the reducer to it row by row, and the tables
 * and the state diagram of docs/protocol.md are generated from it.
 *
 * @module
 */

import type { CloseCodeName, OpName, ViolationCode } from "../../gateway/protocol/codes.ts";
import type { EffectType, EventType, Phase } from "../../gateway/protocol/session_types.ts";

/** A deadline. It takes effect with the first event at or after its time. */
export type DeadlineName =
  /** The server's next heartbeat, with none outstanding. */
  | "heartbeat"
  /** The same moment, with a heartbeat that was not acknowledged. */
  | "ACK deadline"
  | "identify timeout"
  /** The deadline for verifying a token and locating the start of the session. */
  | "verification deadline"
  | "token expiry"
  /** The deadline of the peer's close frame. */
  | "close grace";

/** The kind of a decoded WebSocket message. */
export type ReceivedKind =
  | Extract<OpName, "Identify" | "Heartbeat" | "HeartbeatAck">
  | "malformed"
  | "too big";

/** The trigger of a transition: an event, with the kind of frame or the deadline if that matters. */
export type Trigger =
  | EventType
  | `frameReceived: ${ReceivedKind}`
  | `violated: ${ViolationCode}`
  | `ticked: ${DeadlineName}`;

/** A condition on a transition. */
export type Guard =
  | "more frames in the window than allowed"
  | "its `time` is the outstanding heartbeat's"
  | "its attempt is the newest, the token has expired"
  | "its attempt is the newest, the token is another user's"
  | "its attempt is the newest"
  | "the session's token is one of those";

/** An effect by name, with the frame that it sends. */
export type EffectName = Exclude<EffectType, "send"> | `send ${OpName}`;

/** One row of the table. */
export interface Transition {
  readonly from: readonly Phase[];
  /** The triggers, any of which applies. */
  readonly on: readonly Trigger[];
  /** A row without a condition applies if no row above it does. */
  readonly when?: Guard;
  readonly to: Phase | "same";
  /** In order. */
  readonly effects: readonly EffectName[];
  /** The name of the close code that the peer receives. */
  readonly closes?: CloseCodeName;
}

const UNREADY = ["unidentified", "verifying", "locating"] as const;
const OPEN = [...UNREADY, "ready"] as const;
const PENDING = ["verifying", "locating", "ready"] as const;

/** Rows that close an open session. A ready one unsubscribes first. */
function closing(
  closes: CloseCodeName,
  on: Trigger,
  { from = OPEN, when }: { readonly from?: readonly Phase[]; readonly when?: Guard } = {},
): readonly Transition[] {
  const row = { on: [on], ...(when === undefined ? {} : { when }), to: "closing", closes } as const;
  const unready = from.filter((phase) => phase !== "ready");
  return [
    ...(unready.length > 0 ? [{ ...row, from: unready, effects: ["close"] } as const] : []),
    ...(from.includes("ready")
      ? [{ ...row, from: ["ready"], effects: ["unsubscribe", "close"] } as const]
      : []),
  ];
}

/** Events without effect before Hello. */
const TOO_EARLY = [
  "frameReceived",
  "controlReceived",
  "violated",
  "tokenVerified",
  "tokenRejected",
  "located",
  "dependencyFailed",
  "ticked",
  "overflowed",
  "disconnected",
  "replaced",
  "revoked",
] as const;

/** Events without effect after the close frame. */
const IGNORED = ["opened", "refused", ...TOO_EARLY, "drained", "failed"] as const;

/**
 * Every transition. Due deadlines come before the event that brought the time, the earliest first. The
 * first row that fits applies. The rows cover every phase and event.
 */
export const TRANSITIONS: readonly Transition[] = [
  // Before Hello.
  { from: ["new"], on: ["opened"], to: "unidentified", effects: ["send Hello"] },
  { from: ["new"], on: ["refused"], to: "closing", effects: ["close"], closes: "TryAgainLater" },
  { from: ["new"], on: ["drained"], to: "closing", effects: ["close"], closes: "ServiceRestart" },
  { from: ["new"], on: ["failed"], to: "closing", effects: ["close"], closes: "InternalError" },
  { from: ["new"], on: ["closed"], to: "closed", effects: [] },
  {
    from: ["new"],
    on: TOO_EARLY,
    to: "same",
    effects: [],
  },

  // Deadlines. The first row applies to several at the same millisecond.
  ...closing("IdentifyTimeout", "ticked: identify timeout", { from: ["unidentified"] }),
  ...closing("IdentifyFailed", "ticked: token expiry", { from: ["locating", "ready"] }),
  ...closing("InternalError", "ticked: verification deadline", { from: PENDING }),
  ...closing("HeartbeatTimeout", "ticked: ACK deadline"),
  { from: OPEN, on: ["ticked: heartbeat"], to: "same", effects: ["send Heartbeat"] },

  // Frames of the client.
  ...closing("RateLimited", "frameReceived", { when: "more frames in the window than allowed" }),
  ...closing("RateLimited", "controlReceived", { when: "more frames in the window than allowed" }),
  ...closing("Malformed", "frameReceived: malformed"),
  ...closing("MessageTooBig", "frameReceived: too big"),
  { from: UNREADY, on: ["frameReceived: Identify"], to: "verifying", effects: ["verifyToken"] },
  { from: ["ready"], on: ["frameReceived: Identify"], to: "same", effects: ["verifyToken"] },
  { from: OPEN, on: ["frameReceived: Heartbeat"], to: "same", effects: ["send HeartbeatAck"] },
  {
    from: OPEN,
    on: ["frameReceived: HeartbeatAck"],
    when: "its `time` is the outstanding heartbeat's",
    to: "same",
    effects: ["recordRoundTrip"],
  },
  { from: OPEN, on: ["frameReceived: HeartbeatAck"], to: "same", effects: [] },

  { from: OPEN, on: ["controlReceived"], to: "same", effects: [] },

  // Faults that the transport finds before a frame is read.
  ...closing("ProtocolError", "violated: 1002"),
  ...closing("InvalidText", "violated: 1007"),
  ...closing("TooManyFragments", "violated: 1008"),
  ...closing("MessageTooBig", "violated: 1009"),

  // Outcomes of an Identify. Those of an older one, or of one that is settled, have no effect.
  ...closing("IdentifyFailed", "tokenVerified", {
    from: ["verifying", "ready"],
    when: "its attempt is the newest, the token has expired",
  }),
  ...closing("IdentifyFailed", "tokenVerified", {
    from: ["ready"],
    when: "its attempt is the newest, the token is another user's",
  }),
  {
    from: ["verifying"],
    on: ["tokenVerified"],
    when: "its attempt is the newest",
    to: "locating",
    effects: ["locate"],
  },
  {
    from: ["ready"],
    on: ["tokenVerified"],
    when: "its attempt is the newest",
    to: "same",
    effects: ["locate"],
  },
  ...closing("IdentifyFailed", "tokenRejected", {
    from: PENDING,
    when: "its attempt is the newest",
  }),
  {
    from: ["locating"],
    on: ["located"],
    when: "its attempt is the newest",
    to: "ready",
    effects: ["send Ready", "subscribe"],
  },
  {
    from: ["ready"],
    on: ["located"],
    when: "its attempt is the newest",
    to: "same",
    effects: ["send Ready", "subscribe"],
  },
  ...closing("InternalError", "dependencyFailed", {
    from: PENDING,
    when: "its attempt is the newest",
  }),
  {
    from: OPEN,
    on: ["tokenVerified", "tokenRejected", "located", "dependencyFailed"],
    to: "same",
    effects: [],
  },

  // Events of the connection.
  ...closing("IdentifyFailed", "revoked", {
    from: ["locating", "ready"],
    when: "the session's token is one of those",
  }),
  { from: OPEN, on: ["revoked"], to: "same", effects: [] },
  ...closing("SlowConsumer", "overflowed"),
  ...closing("Disconnected", "disconnected"),
  ...closing("Replaced", "replaced"),
  ...closing("ServiceRestart", "drained"),
  ...closing("InternalError", "failed"),
  { from: UNREADY, on: ["closed"], to: "closed", effects: [] },
  { from: ["ready"], on: ["closed"], to: "closed", effects: ["unsubscribe"] },
  { from: OPEN, on: ["opened", "refused", "ticked"], to: "same", effects: [] },

  // After the close frame.
  { from: ["closing"], on: ["ticked: close grace"], to: "closed", effects: ["terminate"] },
  { from: ["closing"], on: ["closed"], to: "closed", effects: [] },
  {
    from: ["closing"],
    on: IGNORED,
    to: "same",
    effects: [],
  },
  {
    from: ["closed"],
    on: [...IGNORED, "closed"],
    to: "same",
    effects: [],
  },
];
