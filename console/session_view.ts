/**
 * The session as the protocol draws it, told from what passes on the socket (docs/protocol.md, "States").
 *
 * Pure. What a client cannot see is not made up: verifying and joining look the same from here, and of
 * closing it learns only where it closed by itself.
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

/** What each state means, in a sentence. */
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

/** A state and when it was entered, in unix milliseconds. */
export interface Step {
  readonly phase: Phase;
  readonly at: number;
}

/** The session of the newest connection. */
export interface SessionView {
  readonly phase: Phase;
  /** How it got there. */
  readonly trail: readonly Step[];
  /** What Hello said. */
  readonly intervalMs: number | undefined;
  /** When the gateway's next heartbeat is due, in unix milliseconds, as long as the connection lives. */
  readonly beatDueAt: number | undefined;
  /** When the gateway closes with 4002, because the console does not answer. */
  readonly timeoutAt: number | undefined;
  /** When the token of the last Identify expires, in unix milliseconds, if it says so. */
  readonly expiresAt: number | undefined;
}

/** No connection yet. */
export const NO_SESSION: SessionView = {
  phase: "none",
  trail: [],
  intervalMs: undefined,
  beatDueAt: undefined,
  timeoutAt: undefined,
  expiresAt: undefined,
};

const OVER = { beatDueAt: undefined, timeoutAt: undefined, expiresAt: undefined };

/** The session after an event of its connection at `at`. */
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

/** Where the client identified before Hello came, as it may, Hello shows what went before. */
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
  // A renewal changes the token of a session, and not its state.
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
