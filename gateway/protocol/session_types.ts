/**
 * The states, events and effects of the session reducer: types only.
 *
 * Every time in them but those of issue is in milliseconds on the scale of `Clock.steady()`, so wall-clock
 * changes cannot trigger or delay a deadline.
 *
 * @module
 */

import type { CloseCodeValue, ViolationCode } from "./codes.ts";
import type { Decoded, ServerFrame } from "./frames.ts";

/** The limits of a session; all durations in milliseconds. */
export interface SessionOptions {
  /** Time between two heartbeats of the server, and the time a client has to ACK one. */
  readonly heartbeatIntervalMs: number;
  /** Time from Hello in which a client has to send Identify. */
  readonly identifyTimeoutMs: number;
  /** Time in which a token has to be verified and the session located, or it ends with 1011. */
  readonly verifyTimeoutMs: number;
  /** Time in which a peer has to answer a close frame, or its connection is terminated. */
  readonly closeGraceMs: number;
  /** Most frames a client may send in `rateLimitWindowMs`. */
  readonly rateLimitFrames: number;
  /** Length of the sliding window of the rate limit. */
  readonly rateLimitWindowMs: number;
}

/** The claims of a verified token. */
export interface Claims {
  /** The token's `sub`. */
  readonly user: string;
  /** The token's `channels`, empty where it has none. */
  readonly channels: readonly string[];
  /** Expiry of the token, in milliseconds on the scale of an event's `at`. */
  readonly expiresAt: number;
  /** The token's `iat` in Unix milliseconds; 0 where it has none. */
  readonly issuedAt: number;
}

/** An Identify in progress. */
export type Identification =
  & {
    /** Number of the Identify on this connection; the outcome of an older one is ignored. */
    readonly attempt: number;
    /** The id after which the client resumes. */
    readonly lastId: string | undefined;
    /** It asks for signals. */
    readonly signals: boolean;
    /** Its deadline. */
    readonly by: number;
  }
  & (
    /** The token is with the verifier. */
    | { readonly step: "verifying" }
    /** The token is good; the log finds where the session begins. */
    | { readonly step: "locating"; readonly claims: Claims }
  );

/** The part that every open session has. */
export interface Open {
  /** Time of the server's next heartbeat. */
  readonly heartbeatDueAt: number;
  /** The `time` of the heartbeat that the client has not acknowledged yet. */
  readonly outstandingHeartbeat: number | undefined;
  /** Arrivals of the frames in the last rate limit window, oldest first. */
  readonly frames: readonly number[];
  /** Number of Identifies so far. */
  readonly attempts: number;
}

/** The session has not started. */
export interface NewState {
  /** Before Hello. */
  readonly phase: "new";
}
/** Hello was sent, Identify is awaited. */
export interface UnidentifiedState extends Open {
  /** After Hello. */
  readonly phase: "unidentified";
  /** Deadline of Identify. */
  readonly identifyBy: number;
}
/** A token is being verified. */
export interface VerifyingState extends Open {
  /** After Identify. */
  readonly phase: "verifying";
  /** That Identify. */
  readonly identification: Identification & { readonly step: "verifying" };
}
/** The token is good; the log finds where the session begins. */
export interface LocatingState extends Open {
  /** After the token was verified. */
  readonly phase: "locating";
  /** That Identify. */
  readonly identification: Identification & { readonly step: "locating" };
}
/** Messages flow. */
export interface ReadyState extends Open {
  /** After Ready. */
  readonly phase: "ready";
  /** The token's user, which a renewal cannot change. */
  readonly user: string;
  /** Expiry of the token. */
  readonly expiresAt: number;
  /** The token's `iat` in Unix milliseconds; 0 where it has none. */
  readonly issuedAt: number;
  /** The Identify that renews the token, while in progress. */
  readonly renewal: Identification | undefined;
}
/** A close frame was sent; the peer has until `terminateAt` to answer it. */
export interface ClosingState {
  /** After the close frame. */
  readonly phase: "closing";
  /** Time at which the connection is terminated. */
  readonly terminateAt: number;
}
/** The connection is gone. */
export interface ClosedState {
  /** After everything. */
  readonly phase: "closed";
}

/** The state of one session. */
export type SessionState =
  | NewState
  | UnidentifiedState
  | VerifyingState
  | LocatingState
  | ReadyState
  | ClosingState
  | ClosedState;

/** A state in which frames are read. */
export type OpenState = UnidentifiedState | VerifyingState | LocatingState | ReadyState;

/** The name of a state (docs/protocol.md, "States"). */
export type Phase = SessionState["phase"];

/** An input of the session. `at` never goes back from one event to the next. */
export type SessionEvent =
  & { readonly at: number }
  & (
    /** The WebSocket is open. */
    | { readonly type: "opened" }
    /** The WebSocket is open, but there is no room for it. */
    | { readonly type: "refused" }
    /** A WebSocket message arrived and was decoded. */
    | { readonly type: "frameReceived"; readonly decoded: Decoded }
    /** A ping or a pong of the peer arrived. It counts as a frame. */
    | { readonly type: "controlReceived" }
    /** The peer broke RFC 6455 or a limit of the transport. */
    | { readonly type: "violated"; readonly code: ViolationCode }
    /** The verifier accepted the token of Identify number `attempt`. */
    | { readonly type: "tokenVerified"; readonly attempt: number; readonly claims: Claims }
    /** The verifier refused it. */
    | { readonly type: "tokenRejected"; readonly attempt: number; readonly reason: string }
    /**
     * The log said where the session begins. `resumed` tells whether what the client missed follows;
     * it is meaningful only if Identify carried a `last_id`.
     */
    | {
      readonly type: "located";
      readonly attempt: number;
      readonly lastId: string;
      readonly resumed: boolean;
    }
    /** The issuer or the log could not be asked. */
    | { readonly type: "dependencyFailed"; readonly attempt: number }
    /** Tokens of `user` that were issued before `issuedBefore`, in Unix milliseconds, were revoked. */
    | { readonly type: "revoked"; readonly user: string; readonly issuedBefore: number }
    /** A deadline may have passed. */
    | { readonly type: "ticked" }
    /** The peer has more unsent than it may. */
    | { readonly type: "overflowed" }
    /** The app's backend asked for this connection to go. */
    | { readonly type: "disconnected" }
    /** Newer connections of the same user took its place. */
    | { readonly type: "replaced" }
    /** The gateway is draining, and this connection's turn has come. */
    | { readonly type: "drained" }
    /** A bug came up while this connection was served. */
    | { readonly type: "failed" }
    /** The WebSocket is closed, by either side. */
    | { readonly type: "closed" }
  );

/** The name of an event. */
export type EventType = SessionEvent["type"];

/** An event without `at`, which the shell adds. */
export type SessionInput = SessionEvent extends infer E
  ? E extends SessionEvent ? Omit<E, "at"> : never
  : never;

/** An action for the shell; effects are carried out in order. */
export type SessionEffect =
  /** Send this frame. */
  | { readonly type: "send"; readonly frame: ServerFrame }
  /** Verify `token`, and feed the outcome back with this `attempt`. */
  | { readonly type: "verifyToken"; readonly attempt: number; readonly token: string }
  /** Find where the session begins, and feed `located` back with this `attempt`. */
  | {
    readonly type: "locate";
    readonly attempt: number;
    readonly user: string;
    readonly channels: readonly string[];
    readonly lastId: string | undefined;
    /** The session is already ready: nothing is replayed. */
    readonly renewal: boolean;
  }
  /** Deliver messages to `user` and `channels` from here on, and to no others; signals, too, if asked for. */
  | {
    readonly type: "subscribe";
    readonly user: string;
    readonly channels: readonly string[];
    readonly signals: boolean;
  }
  /** Deliver nothing more. */
  | { readonly type: "unsubscribe" }
  /** A heartbeat was acknowledged after this many milliseconds. */
  | { readonly type: "recordRoundTrip"; readonly ms: number }
  /** Send a close frame. */
  | { readonly type: "close"; readonly code: CloseCodeValue; readonly reason: string }
  /** End the connection without asking the peer. */
  | { readonly type: "terminate" };

/** The name of an effect. */
export type EffectType = SessionEffect["type"];

/** The result of {@linkcode reduce}: the next state, and the effects to carry out. */
export type Step = readonly [SessionState, readonly SessionEffect[]];

/** The type of {@linkcode reduce}, for tests that pass another. */
export type Reduce = (state: SessionState, event: SessionEvent, options: SessionOptions) => Step;
