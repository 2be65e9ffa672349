/**
 * Derives the session's state from the events of its socket (docs/protocol.md, "States"). It shows only what
 * a client can know: verifying and locating look the same. Pure.
 *
 * @module
 */

import { Op } from "../gateway/protocol/codes.ts";
import { claimsOf } from "./claims.ts";
import { fieldOf, opOf } from "./frames.ts";
import type { SocketEvent } from "./frames.ts";

/** A state of the diagram; `none` before the first connection, `new` until Hello. */
export type Phase =
  | "none"
  | "new"
  | "unidentified"
  | "verifying"
  | "ready"
  | "closing"
  | "closed";

export const PHASE_MEANING: Readonly<Record<Phase, string>> = {
  none: "There is no connection yet.",
  new: "The WebSocket is being opened; the gateway says Hello first.",
  unidentified: "Hello came, and the gateway awaits Identify.",
  verifying:
    "Identify was sent. The gateway verifies the token and finds the place where the session begins.",
  ready: "Messages flow.",
  closing: "A close frame was sent, and its answer is awaited.",
  closed: "The connection is gone.",
};

/** A state and the time at which it was entered, in unix milliseconds. */
export interface Step {
  readonly phase: Phase;
  readonly at: number;
}

/** The session of the newest connection. */
export interface SessionView {
  readonly phase: Phase;
  /** The states so far. */
  readonly trail: readonly Step[];
  /** The heartbeat interval of Hello. */
  readonly intervalMs: number | undefined;
  /** The due time of the gateway's next heartbeat, in unix milliseconds. */
  readonly beatDueAt: number | undefined;
  /** The time at which the gateway closes with 4002, if ACKs are withheld. */
  readonly timeoutAt: number | undefined;
  /** The expiry of the last Identify's token, in unix milliseconds. */
  readonly expiresAt: number | undefined;
}

export const NO_SESSION: SessionView = {
  phase: "none",
  trail: [],
  intervalMs: undefined,
  beatDueAt: undefined,
  timeoutAt: undefined,
  expiresAt: undefined,
};

const OVER = { beatDueAt: undefined, timeoutAt: undefined, expiresAt: undefined };

/** Returns the session after an event at `at`. */
export function nextSession(session: SessionView, event: SocketEvent, at: number): SessionView {
  switch (event.type) {
    case "blocked":
      return session;
    case "opening":
      return enter({ ...NO_SESSION, intervalMs: session.intervalMs }, "new", at);
    case "opened":
      return session;
    case "sent":
      return sent(session, event, at);
    case "received":
      return typeof event.data === "string" ? received(session, event.data, at) : session;
    case "closing":
      return enter(session, "closing", at);
    case "closed":
      return { ...enter(session, "closed", at), ...OVER };
  }
}

function enter(session: SessionView, phase: Phase, at: number): SessionView {
  if (session.phase === phase) return session;
  return { ...session, phase, trail: [...session.trail, { phase, at }] };
}

/** A client may identify before Hello; then `unidentified` is inserted before `verifying`. */
function sayUnidentified(session: SessionView): SessionView {
  const step = session.trail.at(-1);
  if (step?.phase !== "verifying") return session;
  const before = { phase: "unidentified", at: step.at } as const;
  return { ...session, trail: [...session.trail.slice(0, -1), before, step] };
}

function sent(
  session: SessionView,
  { text, isWithheld }: Extract<SocketEvent, { readonly type: "sent" }>,
  at: number,
): SessionView {
  const op = opOf(text);
  if (op === Op.HeartbeatAck && isWithheld && session.intervalMs !== undefined) {
    return { ...session, timeoutAt: session.timeoutAt ?? at + session.intervalMs };
  }
  if (op !== Op.Identify) return session;
  const token = fieldOf(text, "token");
  const { expiresAt } = claimsOf(typeof token === "string" ? token : "");
  const next = { ...session, expiresAt };
  // A renewal changes the token, not the state.
  return session.phase === "ready" ? next : enter(next, "verifying", at);
}

function received(session: SessionView, text: string, at: number): SessionView {
  switch (opOf(text)) {
    case Op.Hello: {
      const interval = Number(fieldOf(text, "heartbeat_interval"));
      const next = { ...session, intervalMs: interval, beatDueAt: at + interval };
      return session.phase === "new" ? enter(next, "unidentified", at) : sayUnidentified(next);
    }
    case Op.Ready:
      return enter(session, "ready", at);
    case Op.Heartbeat:
      return session.intervalMs === undefined
        ? session
        : { ...session, beatDueAt: at + session.intervalMs };
    default:
      return session;
  }
}
