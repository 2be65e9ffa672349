/**
 * What the session reducer works on: its states, the events it is fed and the effects it asks for.
 *
 * Types only. Every time in them is in unix milliseconds on the steady scale of `Clock.steady()`, so
 * that a wall clock that jumps neither closes nor spares anybody.
 *
 * @module
 */

import type { CloseCodeValue, ViolationCode } from "./codes.ts";
import type { Decoded, ServerFrame } from "./frames.ts";

/** The numbers that the reducer decides by; all durations in milliseconds. */
export interface SessionOptions {
  /** Time between two beats of the server, and the time a client has to ACK one. */
  readonly heartbeatIntervalMs: number;
  /** How long after Hello a client may take to send Identify. */
  readonly identifyTimeoutMs: number;
  /** How long verifying a token and finding the session's place may take before it is given up. */
  readonly verifyTimeoutMs: number;
  /** How long a peer may take to answer a close frame before its connection is cut. */
  readonly closeGraceMs: number;
  /** Most frames a client may send in `rateLimitWindowMs`. */
  readonly rateLimitFrames: number;
  /** Length of the sliding window of the rate limit. */
  readonly rateLimitWindowMs: number;
}

/** What a verified token says. */
export interface Claims {
  /** The token's `sub`. */
  readonly user: string;
  /** The token's `channels`, empty where it has none. */
  readonly channels: readonly string[];
  /** When the token expires, in milliseconds on the scale of an event's `at`. */
  readonly expiresAt: number;
}

/** An Identify that is being worked on. */
export type Identification =
  & {
    /** Number of the Identify on this connection; the outcome of an older one is ignored. */
    readonly attempt: number;
    /** The id after which the client wants to take up. */
    readonly lastId: string | undefined;
    /** When the gateway gives up on it. */
    readonly by: number;
  }
  & (
    /** The token is with the verifier. */
    | { readonly step: "verifying" }
    /** The token is good; the log is asked where the session begins. */
    | { readonly step: "locating"; readonly claims: Claims }
  );

/** What every open session has. */
export interface Open {
  /** When the server's next beat is due. */
  readonly heartbeatDueAt: number;
  /** The `time` of the beat that the client has not acknowledged yet. */
  readonly outstandingHeartbeat: number | undefined;
  /** When each frame of the last rate limit window arrived, oldest first. */
  readonly frames: readonly number[];
  /** How many times the client has identified. */
  readonly attempts: number;
}

/** Nothing has happened yet: before Hello. */
export interface NewState {
  /** Before Hello. */
  readonly phase: "new";
}
/** Hello was sent, Identify is awaited. */
export interface UnidentifiedState extends Open {
  /** After Hello. */
  readonly phase: "unidentified";
  /** When Identify is due. */
  readonly identifyBy: number;
}
/** A token is being verified. */
export interface VerifyingState extends Open {
  /** After Identify. */
  readonly phase: "verifying";
  /** That Identify. */
  readonly identification: Identification & { readonly step: "verifying" };
}
/** The token is good; the place where the session begins is being found. */
export interface JoiningState extends Open {
  /** After the token was verified. */
  readonly phase: "locating";
  /** The Identify that is at work. */
  readonly identification: Identification & { readonly step: "locating" };
}
/** Messages flow. `renewal` is a later Identify that is being worked on. */
export interface ReadyState extends Open {
  /** After Ready. */
  readonly phase: "ready";
  /** The token's user, which a renewal cannot change. */
  readonly user: string;
  /** When the token expires. */
  readonly expiresAt: number;
  /** The Identify that renews the token, while it is at work. */
  readonly renewal: Identification | undefined;
}
/** A close frame was sent; the peer has until `cutAt` to answer it. */
export interface ClosingState {
  /** After the close frame. */
  readonly phase: "closing";
  /** When the connection is cut. */
  readonly cutAt: number;
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
  | JoiningState
  | ReadyState
  | ClosingState
  | ClosedState;

/** A state in which frames are read. */
export type OpenState = UnidentifiedState | VerifyingState | JoiningState | ReadyState;

/** The name of a state (docs/protocol.md, "States"). */
export type Phase = SessionState["phase"];

/** What happened. `at` never goes back from one event of a session to the next. */
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
    /** A deadline may have passed. */
    | { readonly type: "ticked" }
    /** The peer has more unsent than it may. */
    | { readonly type: "overflowed" }
    /** The app's backend asked for this connection to go. */
    | { readonly type: "disconnected" }
    /** The gateway is draining, and this connection's turn has come. */
    | { readonly type: "drained" }
    /** A bug came up while this connection was served. */
    | { readonly type: "failed" }
    /** The WebSocket is closed, by whomever. */
    | { readonly type: "closed" }
  );

/** The name of an event. */
export type EventType = SessionEvent["type"];

/** What the shell has to do, in order. */
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
    /** Whether the session is already ready: then nothing is replayed. */
    readonly renewal: boolean;
  }
  /** From here on deliver what `user` and `channels` may see; replaces what was joined before. */
  | { readonly type: "join"; readonly user: string; readonly channels: readonly string[] }
  /** Deliver nothing more. */
  | { readonly type: "leave" }
  /** A beat was acknowledged after this many milliseconds. */
  | { readonly type: "recordRoundTrip"; readonly ms: number }
  /** Send a close frame. */
  | { readonly type: "close"; readonly code: CloseCodeValue; readonly reason: string }
  /** End the connection without asking the peer. */
  | { readonly type: "terminate" };

/** The name of an effect. */
export type EffectType = SessionEffect["type"];

/** What {@linkcode reduce} gives: the state that follows, and what is to be done. */
export type Step = readonly [SessionState, readonly SessionEffect[]];

/** The reducer's type, for shells that are given another one in a test. */
export type Reduce = (state: SessionState, event: SessionEvent, options: SessionOptions) => Step;
