/**
 * Lists deliberate bugs, which the simulation must find. Each is small and plausible, and enters
 * through a seam.
 *
 * @module
 */

import type { Connection } from "../../gateway/session/connection.ts";
import { Frames } from "../../gateway/session/encode.ts";
import { replaced, type Seams } from "../../simulation/mod.ts";
import { type Bug, onceIn } from "./bug.ts";
import { CLIENT_BUGS } from "./client_bugs.ts";
import { LOG_BUGS } from "./log_bugs.ts";
import { NODE_BUGS } from "./node_bugs.ts";
import { PRESENCE_BUGS } from "./presence_bugs.ts";
import { SIGNAL_BUGS } from "./signal_bugs.ts";
import { NODE_WEBHOOK_BUGS, WEBHOOK_BUGS } from "./webhook_bugs.ts";
import type { Clock, Socket } from "../../gateway/ports.ts";
import {
  type Reduce,
  reduce,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
} from "../../gateway/protocol/mod.ts";

function reducer(name: string, changed: Reduce): Bug {
  return { name, make: () => ({ reduce: changed }) };
}

/** Changes the effects of the reducer. */
function effects(
  name: string,
  change: (effect: SessionEffect, before: SessionState) => readonly SessionEffect[],
): Bug {
  return reducer(name, (state, event, options) => {
    const [next, effects] = reduce(state, event, options);
    return [next, effects.flatMap((effect) => change(effect, state))];
  });
}

/** Changes the next state of the reducer. */
function states(
  name: string,
  change: (next: SessionState, before: SessionState) => SessionState,
): Bug {
  return reducer(name, (state, event, options) => {
    const [next, effects] = reduce(state, event, options);
    return [change(next, state), effects];
  });
}

/** Changes the events of the reducer. */
function events(
  name: string,
  change: (event: SessionEvent, state: SessionState) => SessionEvent,
): Bug {
  return reducer(name, (state, event, options) => reduce(state, change(event, state), options));
}

function socket(name: string, change: (socket: Socket) => Partial<Socket>): Bug {
  return { name, make: () => ({ socket: (real) => replaced(real, change(real)) }) };
}

function clock(name: string, change: (clock: Clock) => Partial<Clock>): Bug {
  return { name, make: () => ({ clock: (real) => replaced(real, change(real)) }) };
}

/** Replaces one method of a connection. */
function connection<Name extends "deliver" | "execute">(
  name: string,
  method: Name,
  change: (real: Connection[Name]) => Connection[Name],
): Bug {
  const accepted = (served: Connection): void => {
    const real = served[method].bind(served) as Connection[Name];
    Object.defineProperty(served, method, { value: change(real) });
  };
  return { name, make: () => ({ accepted }) };
}

/** Moves the next heartbeat deadline of a session that has just sent a beat. */
function shiftAckDeadline(
  byMs: number,
): (next: SessionState, before: SessionState) => SessionState {
  return (next, before) => {
    if (!("outstandingHeartbeat" in next) || next.outstandingHeartbeat === undefined) return next;
    const sent = !("outstandingHeartbeat" in before) ||
      before.outstandingHeartbeat !== next.outstandingHeartbeat;
    return sent ? { ...next, heartbeatDueAt: next.heartbeatDueAt + byMs } : next;
  };
}

const REDUCER_BUGS: readonly Bug[] = [
  states("the ACK deadline is 1 ms early", shiftAckDeadline(-1)),
  states("the ACK deadline is 1 ms late", shiftAckDeadline(1)),
  effects("no heartbeat is sent", (effect) => {
    return effect.type === "send" && effect.frame.op === 10 ? [] : [effect];
  }),
  effects("a heartbeat is sent twice", (effect) => {
    return effect.type === "send" && effect.frame.op === 10 ? [effect, effect] : [effect];
  }),
  effects("a heartbeat is answered with another time", (effect) => {
    if (effect.type !== "send" || effect.frame.op !== 11) return [effect];
    return [{ ...effect, frame: { ...effect.frame, time: effect.frame.time + 1 } }];
  }),
  events("any ACK will do", (event, state) => {
    if (event.type !== "frameReceived" || !event.decoded.ok) return event;
    const { frame } = event.decoded;
    if (
      frame.op !== 11 || !("outstandingHeartbeat" in state) ||
      state.outstandingHeartbeat === undefined
    ) return event;
    return {
      ...event,
      decoded: { ok: true, frame: { ...frame, time: state.outstandingHeartbeat } },
    };
  }),
  effects("the hub does not remove a closed connection", (effect) => {
    return effect.type === "unsubscribe" ? [] : [effect];
  }),
  reducer("a session is ready before Ready is sent", (state, event, options) => {
    const [next, effects] = reduce(state, event, options);
    if (state.phase !== "verifying" || next.phase !== "locating") return [next, effects];
    const { phase: _phase, identification, ...open } = next;
    const { user, channels, ...token } = identification.claims;
    return [
      { ...open, ...token, phase: "ready", user, renewal: identification },
      [{ type: "subscribe", user, channels, signals: identification.signals }, ...effects],
    ];
  }),
  reducer("a replay begins before Ready", (state, event, options) => {
    const [next, effects] = reduce(state, event, options);
    const subscribes = effects.at(-1)?.type === "subscribe";
    return [next, subscribes ? [...effects].reverse() : effects];
  }),
  states("an expired token stays", (next) => {
    return next.phase === "ready" ? { ...next, expiresAt: Infinity } : next;
  }),
  states("a renewed token expires as the old one did", (next, before) => {
    if (next.phase !== "ready" || before.phase !== "ready") return next;
    return { ...next, expiresAt: before.expiresAt };
  }),
  events("a renewal may be another user's", (event, state) => {
    if (event.type !== "tokenVerified" || state.phase !== "ready") return event;
    return { ...event, claims: { ...event.claims, user: state.user } };
  }),
  effects("a renewed token's channels are ignored", (effect, before) => {
    return effect.type === "subscribe" && before.phase === "ready" ? [] : [effect];
  }),
  events("a verdict on an older Identify counts", (event, state) => {
    if (event.type !== "tokenVerified" || !("attempts" in state)) return event;
    return { ...event, attempt: state.attempts };
  }),
  reducer("one frame too many is allowed", (state, event, options) => {
    return reduce(state, event, { ...options, rateLimitFrames: options.rateLimitFrames + 1 });
  }),
  reducer("Identify may come a second late", (state, event, options) => {
    const identifyTimeoutMs = options.identifyTimeoutMs + 1000;
    return reduce(state, event, { ...options, identifyTimeoutMs });
  }),
  effects(
    "a silent peer is never terminated",
    (effect) => effect.type === "terminate" ? [] : [effect],
  ),
  events("a drain does not reach a session that identifies", (event, state) => {
    if (event.type !== "drained" || state.phase === "ready") return event;
    return { type: "ticked", at: event.at };
  }),
  events("a connection that newer ones replace stays", (event) => {
    return event.type === "replaced" ? { type: "ticked", at: event.at } : event;
  }),
  events("a session whose start is being located survives a revocation", (event, state) => {
    if (event.type !== "revoked" || state.phase !== "locating") return event;
    return { type: "ticked", at: event.at };
  }),
  events("a ready session survives a revocation", (event, state) => {
    if (event.type !== "revoked" || state.phase !== "ready") return event;
    return { type: "ticked", at: event.at };
  }),
  events("a session whose token is of the current second survives a revocation", (event) => {
    if (event.type !== "revoked") return event;
    return { ...event, issuedBefore: event.issuedBefore - 1000 };
  }),
  events("a session whose token has no iat survives a revocation", (event, state) => {
    if (event.type !== "revoked") return event;
    const { issuedAt } = state.phase === "locating"
      ? state.identification.claims
      : { issuedAt: 1, ...state };
    return issuedAt === 0 ? { type: "ticked", at: event.at } : event;
  }),
  effects("Ready says a position that is one too high", (effect) => {
    if (effect.type !== "send" || effect.frame.op !== 2) return [effect];
    const [epoch, sequence] = effect.frame.last_id.split("-");
    const last_id = `${epoch}-${Number(sequence) + 1}`;
    return [{ ...effect, frame: { ...effect.frame, last_id } }];
  }),
];

const SHELL_BUGS: readonly Bug[] = [
  socket("a close code that is not in the table", (real) => ({
    close: (code, reason) => real.close(code === 4002 ? 4000 : code, reason),
  })),
  socket("a message arrives under another channel", (real) => ({
    send: ({ texts }) =>
      real.send(new Frames(texts.map((text) => text.replace('"channel":"5"', '"channel":"6"')))),
  })),
  socket("a replayed message is not marked", (real) => ({
    send: ({ texts }) =>
      real.send(new Frames(texts.map((text) => text.replace(/,"replayed":true}$/, "}")))),
  })),
  socket("a live message is marked as replayed", (real) => {
    const now = onceIn(500);
    return {
      send: ({ texts }) =>
        real.send(
          new Frames(texts.map((text) => {
            const isLive = text.startsWith('{"op":3,') && !text.endsWith('"replayed":true}');
            return isLive && now() ? text.replace(/}$/, ',"replayed":true}') : text;
          })),
        ),
    };
  }),
  socket("unread bytes are not counted", () => ({ bufferedBytes: 0 })),
  clock("a timer that is cancelled stays", (real) => ({
    setTimer: (delayMs, callback) => {
      let cancelled = false;
      real.setTimer(delayMs, () => {
        if (!cancelled) callback();
      });
      return { cancel: () => cancelled = true };
    },
  })),
  clock("deadlines follow the wall clock", (real) => ({ steady: () => real.now() })),
  connection("one live message in 500 is delivered twice", "deliver", (real) => {
    const now = onceIn(500);
    return (run) => {
      real(run);
      if (now()) real(run);
    };
  }),
  connection("one live message in 500 is forgotten", "deliver", (real) => {
    const now = onceIn(500);
    return (run) => now() ? undefined : real(run);
  }),
  connection("leaving a channel does nothing", "execute", (real) => {
    return (command) => command.do === "leave" ? false : real(command);
  }),
  connection("joining a channel does nothing", "execute", (real) => {
    return (command) => command.do === "join" ? false : real(command);
  }),
];

/** By part: its bugs, and the number of gateways in a world that must find them. */
export const BUGS: Readonly<
  Record<string, { readonly nodes: number; readonly bugs: readonly Bug[] }>
> = {
  "the reducer": { nodes: 1, bugs: REDUCER_BUGS },
  "socket, clock and connection": { nodes: 1, bugs: SHELL_BUGS },
  "log, replay and fan-out": { nodes: 1, bugs: LOG_BUGS },
  "presence": { nodes: 1, bugs: PRESENCE_BUGS },
  "the client library": { nodes: 1, bugs: CLIENT_BUGS },
  "webhooks": { nodes: 1, bugs: WEBHOOK_BUGS },
  "signals": { nodes: 1, bugs: SIGNAL_BUGS },
  "many nodes": { nodes: 3, bugs: NODE_BUGS },
  "webhooks of many nodes": { nodes: 3, bugs: NODE_WEBHOOK_BUGS },
};

/** Creates the bug with this name for one world. */
export function makeBug(name: string): Seams {
  const bug = Object.values(BUGS).flatMap(({ bugs }) => bugs).find((each) => each.name === name);
  if (bug === undefined) throw new RangeError(`there is no bug "${name}"`);
  return bug.make();
}
