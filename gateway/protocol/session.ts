/**
 * The session reducer: every transition and every deadline of the protocol (docs/protocol.md, "States").
 *
 * Pure: an event with its time gives the next state and the effects to carry out; `nextDeadline` gives the
 * time of the next `ticked`. Input from a peer never makes it throw. `session/connection.ts` owns the socket
 * and the timer, and carries out the effects.
 *
 * @module
 */

import { type CloseCause, CloseCauses, CloseCode, Op } from "./codes.ts";
import type { ClientFrame } from "./frames.ts";
import { addArrival, rateLimitCause } from "./rate_limit.ts";
import type {
  Identification,
  OpenState,
  SessionEffect,
  SessionEvent,
  SessionOptions,
  SessionState,
  Step,
  UnidentifiedState,
} from "./session_types.ts";

/** The state of a session before anything happened. */
export function initial(): SessionState {
  return { phase: "new" };
}

/**
 * The time of the next `ticked` event, in milliseconds on the scale of `at`; `undefined` while it
 * waits for nothing.
 */
export function nextDeadline(state: SessionState): number | undefined {
  switch (state.phase) {
    case "new":
    case "closed":
      return undefined;
    case "closing":
      return state.terminateAt;
    case "unidentified":
      return Math.min(state.heartbeatDueAt, state.identifyBy);
    case "verifying":
      return Math.min(state.heartbeatDueAt, state.identification.by);
    case "locating": {
      const { by, claims } = state.identification;
      return Math.min(state.heartbeatDueAt, by, claims.expiresAt);
    }
    case "ready":
      return Math.min(state.heartbeatDueAt, state.expiresAt, state.renewal?.by ?? Infinity);
  }
}

/**
 * The transition of the protocol: what follows from `event` in `state`.
 *
 * Deadlines that lie at or before the event's `at` take effect first, so that the outcome does not
 * depend on whether the shell's timer or the peer's frame came first.
 *
 * ```ts
 * import { initial, nextDeadline, RATE_LIMIT, reduce } from "@emagine/gateway/protocol";
 *
 * const options = {
 *   ...RATE_LIMIT,
 *   heartbeatIntervalMs: 45_000,
 *   identifyTimeoutMs: 10_000,
 *   verifyTimeoutMs: 10_000,
 *   closeGraceMs: 1000,
 * };
 * const [state, [hello]] = reduce(initial(), { at: 0, type: "opened" }, options);
 * const at = nextDeadline(state) ?? Infinity; // 10,000: the client has not identified.
 * const [closing, [close]] = reduce(state, { at, type: "ticked" }, options);
 * console.log(hello, closing.phase, close); // send Hello, "closing", close with 4004
 * ```
 */
export function reduce(state: SessionState, event: SessionEvent, options: SessionOptions): Step {
  const effects: SessionEffect[] = [];
  let current = state;
  for (;;) {
    const deadline = nextDeadline(current);
    if (deadline === undefined || deadline > event.at || event.type === "closed") break;
    const [next, more] = expire(current, event.at, options);
    current = next;
    effects.push(...more);
  }
  const [next, more] = handle(current, event, options);
  effects.push(...more);
  return [next, effects];
}

function handle(state: SessionState, event: SessionEvent, options: SessionOptions): Step {
  switch (state.phase) {
    case "new":
      return handleNew(event, options);
    case "closed":
      return [state, []];
    case "closing":
      return event.type === "closed" ? [{ phase: "closed" }, []] : [state, []];
    case "unidentified":
    case "verifying":
    case "locating":
    case "ready":
      return handleOpen(state, event, options);
  }
}

function handleNew(event: SessionEvent, options: SessionOptions): Step {
  const { at } = event;
  switch (event.type) {
    case "opened": {
      const state: UnidentifiedState = {
        phase: "unidentified",
        heartbeatDueAt: at + options.heartbeatIntervalMs,
        outstandingHeartbeat: undefined,
        frames: [],
        attempts: 0,
        identifyBy: at + options.identifyTimeoutMs,
      };
      const hello = {
        op: Op.Hello,
        heartbeat_interval: options.heartbeatIntervalMs,
      } as const;
      return [state, [{ type: "send", frame: hello }]];
    }
    case "refused":
    case "drained":
    case "failed":
      return close(CloseCauses[event.type], at, options);
    case "closed":
      return [{ phase: "closed" }, []];
    case "frameReceived":
    case "controlReceived":
    case "violated":
    case "tokenVerified":
    case "tokenRejected":
    case "located":
    case "dependencyFailed":
    case "ticked":
    case "overflowed":
    case "disconnected":
    case "replaced":
    case "revoked":
      return [{ phase: "new" }, []];
  }
}

function handleOpen(state: OpenState, event: SessionEvent, options: SessionOptions): Step {
  const { at } = event;
  switch (event.type) {
    case "opened":
    case "refused":
    case "ticked":
      return [state, []];
    case "frameReceived":
    case "controlReceived": {
      const frames = addArrival(state.frames, at, options);
      if (frames === undefined) return closeOpen(state, rateLimitCause(options), at, options);
      if (event.type === "controlReceived") return [{ ...state, frames }, []];
      if (event.decoded.ok) {
        return receive({ ...state, frames }, event.decoded.frame, at, options);
      }
      return closeOpen(state, event.decoded, at, options);
    }
    case "violated":
      return closeOpen(state, { code: event.code, reason: "" }, at, options);
    case "tokenVerified": {
      const identification = pending(state);
      if (identification?.attempt !== event.attempt || identification.step !== "verifying") {
        return [state, []];
      }
      return verified(
        state,
        { ...identification, step: "locating", claims: event.claims },
        at,
        options,
      );
    }
    case "tokenRejected": {
      if (pending(state)?.attempt !== event.attempt) return [state, []];
      const cause = { code: CloseCode.IdentifyFailed.code, reason: event.reason };
      return closeOpen(state, cause, at, options);
    }
    case "located": {
      const identification = pending(state);
      if (identification?.attempt !== event.attempt || identification.step !== "locating") {
        return [state, []];
      }
      return located(state, identification, {
        lastId: event.lastId,
        resumed: identification.lastId === undefined ? undefined : event.resumed,
      });
    }
    case "dependencyFailed":
      if (pending(state)?.attempt !== event.attempt) return [state, []];
      return closeOpen(state, CloseCauses.dependencyFailed, at, options);
    case "revoked":
      if (!isRevoked(state, event)) return [state, []];
      return closeOpen(state, CloseCauses.revoked, at, options);
    case "overflowed":
    case "disconnected":
    case "replaced":
    case "drained":
    case "failed":
      return closeOpen(state, CloseCauses[event.type], at, options);
    case "closed":
      return [{ phase: "closed" }, unsubscribe(state)];
  }
}

/** The step of a well-formed frame of the client. */
function receive(state: OpenState, frame: ClientFrame, at: number, options: SessionOptions): Step {
  switch (frame.op) {
    case Op.Heartbeat:
      return [state, [{ type: "send", frame: { op: Op.HeartbeatAck, time: frame.time } }]];
    case Op.HeartbeatAck:
      if (frame.time !== state.outstandingHeartbeat) return [state, []];
      return [{ ...state, outstandingHeartbeat: undefined }, [{
        type: "recordRoundTrip",
        ms: at - frame.time,
      }]];
    case Op.Identify: {
      const attempt = state.attempts + 1;
      const identification = {
        attempt,
        lastId: frame.last_id,
        signals: frame.signals ?? false,
        // A client that identifies again while it waits does not gain time by it.
        by: pending(state)?.by ?? at + options.verifyTimeoutMs,
        step: "verifying",
      } as const;
      const verify = { type: "verifyToken", attempt, token: frame.token } as const;
      if (state.phase === "ready") {
        return [{ ...state, attempts: attempt, renewal: identification }, [verify]];
      }
      return [{ ...open(state), phase: "verifying", attempts: attempt, identification }, [verify]];
    }
  }
}

/** The token of the Identify at hand is good: find the place where its session begins. */
function verified(
  state: OpenState,
  identification: Identification & { readonly step: "locating" },
  at: number,
  options: SessionOptions,
): Step {
  const { claims, attempt, lastId } = identification;
  if (claims.expiresAt <= at) {
    return closeOpen(state, CloseCauses.tokenExpired, at, options);
  }
  const { user, channels } = claims;
  const renewal = state.phase === "ready";
  const locate = { type: "locate", attempt, user, channels, lastId, renewal } as const;
  if (!renewal) return [{ ...open(state), phase: "locating", identification }, [locate]];
  if (user !== state.user) {
    return closeOpen(state, CloseCauses.otherUser, at, options);
  }
  // The new token is proven: the old one no longer matters while the place is looked up.
  const { expiresAt, issuedAt } = claims;
  return [{ ...state, expiresAt, issuedAt, renewal: identification }, [locate]];
}

/** The session's place is known: Ready, and messages from here. */
function located(
  state: OpenState,
  { claims, signals }: Identification & { readonly step: "locating" },
  place: { readonly lastId: string; readonly resumed: boolean | undefined },
): Step {
  const { user, channels, expiresAt, issuedAt } = claims;
  const ready = place.resumed === undefined
    ? { op: Op.Ready, user, last_id: place.lastId } as const
    : { op: Op.Ready, user, last_id: place.lastId, resumed: place.resumed } as const;
  return [
    { ...open(state), phase: "ready", user, expiresAt, issuedAt, renewal: undefined },
    [{ type: "send", frame: ready }, { type: "subscribe", user, channels, signals }],
  ];
}

/** Applies the earliest deadline that has passed. */
function expire(state: SessionState, at: number, options: SessionOptions): Step {
  if (state.phase === "new" || state.phase === "closed") return [state, []];
  if (state.phase === "closing") return [{ phase: "closed" }, [{ type: "terminate" }]];
  const deadline = nextDeadline(state);
  if (state.phase === "unidentified" && state.identifyBy === deadline) {
    return closeOpen(state, CloseCauses.noIdentify, at, options);
  }
  if (expiry(state) === deadline) {
    return closeOpen(state, CloseCauses.tokenExpired, at, options);
  }
  if (pending(state)?.by === deadline) {
    return closeOpen(state, CloseCauses.identifyingTooSlow, at, options);
  }
  if (state.outstandingHeartbeat !== undefined) {
    return closeOpen(state, CloseCauses.noAck, at, options);
  }
  // Counted from now and not from when it was due, so that a peer always has the whole interval.
  const heartbeatDueAt = at + options.heartbeatIntervalMs;
  const time = Math.floor(at);
  return [
    { ...state, heartbeatDueAt, outstandingHeartbeat: time },
    [{ type: "send", frame: { op: Op.Heartbeat, time } }],
  ];
}

/** The expiry of the session's token, once it is verified. */
function expiry(state: OpenState): number | undefined {
  if (state.phase === "locating") return state.identification.claims.expiresAt;
  return state.phase === "ready" ? state.expiresAt : undefined;
}

/** Tells whether the session's token, once it is verified, is one of those that `event` revokes. */
function isRevoked(
  state: OpenState,
  { user, issuedBefore }: SessionEvent & { readonly type: "revoked" },
): boolean {
  if (state.phase !== "locating" && state.phase !== "ready") return false;
  const token = state.phase === "ready" ? state : state.identification.claims;
  return token.user === user && token.issuedAt < issuedBefore;
}

/** The Identify that is being worked on, if there is one. */
function pending(state: OpenState): Identification | undefined {
  switch (state.phase) {
    case "unidentified":
      return undefined;
    case "verifying":
    case "locating":
      return state.identification;
    case "ready":
      return state.renewal;
  }
}

/** The part of the state that one open phase passes to the next. */
function open({ heartbeatDueAt, outstandingHeartbeat, frames, attempts }: OpenState): Pick<
  OpenState,
  "heartbeatDueAt" | "outstandingHeartbeat" | "frames" | "attempts"
> {
  return { heartbeatDueAt, outstandingHeartbeat, frames, attempts };
}

function unsubscribe(state: OpenState): readonly SessionEffect[] {
  return state.phase === "ready" ? [{ type: "unsubscribe" }] : [];
}

/** Closes an open session: out of every table first, then the close frame. */
function closeOpen(
  state: OpenState,
  cause: CloseCause,
  at: number,
  options: SessionOptions,
): Step {
  const [closing, effects] = close(cause, at, options);
  return [closing, [...unsubscribe(state), ...effects]];
}

function close({ code, reason }: CloseCause, at: number, options: SessionOptions): Step {
  return [
    { phase: "closing", terminateAt: at + options.closeGraceMs },
    [{ type: "close", code, reason }],
  ];
}
