/**
 * Lists the rules that the checkers hold. docs/simulation.md is printed from this table.
 *
 * @module
 */

import { CLIENT_RULES } from "../mock/chaos/client_rules.ts";

/** By name: what must hold. */
export const RULES = {
  "every accepted message arrives":
    "at an entitled client that stays or returns within retention, with nothing missing before a message or at the end",
  "exactly once, in order": "ids increase on a connection, from the id that it resumed from",
  "only entitled messages":
    "those of the user, of channels in the token or joined and not left, and for everyone",
  "delivered unchanged": "id, channel, author, content and time",
  "what was missed is marked":
    "`replayed` on a message from before Ready that a session resumed to, and on no other",
  "signals only for those who asked": "in the Identify that the last Ready on the wire answers",
  "signals only for those who may see them": "by user or channel, when the gateway sends them",
  "no signal before its messages": "those that the node had which took the signal",
  "signals unchanged": "channel, author, content and time",
  "Hello comes first": "once, with the interval",
  "nothing before Ready": "no Message reaches a session that is not ready",
  "Ready follows a verified Identify": "the newest, and names its user",
  "renewals are answered at once": "with Ready",
  "resumed answers last_id": "Ready has `resumed` if Identify had `last_id`",
  "Ready gives the session's position": "its `last_id` was reached, with nothing missing before",
  "what is stored is resumed": '`"resumed": false` only if a message since may no longer be stored',
  "only a known id is resumed": "none of another log, from the future, or invalid",
  "a new session starts at the head": "of its node, unless it resumes",
  "heartbeats are sent on time": "an interval after the previous, to the millisecond",
  "heartbeats are answered at once": "each with its own time, in order, in every phase",
  "closes come on time":
    "4002 at heartbeat + interval, 4004 at the identify timeout, 4003 at expiry or with the revocation, 1011 at the verification deadline, 4001, 1009 and 4008 with the frame, 4010 with the command, 4011 with the Ready of a newer connection, 1012 within the drain",
  "every close has a reason": "4009 only for that much unread, 1011 only if log or verifier failed",
  "every close has a code of the table": "in docs/protocol.md",
  "terminated after the grace": "a peer that does not answer the close frame, exactly then",
  "slow readers are closed": "the bytes that wait for a client stay within its limit",
  "only frames of the protocol": "the gateway sends no other",
  "admitted within the limits": "refused with 503 only while the gateway drains",
  "a user's newest connections stay":
    "up to the limit on the connections of one user, on all nodes; older ones are closed with 4011",
  "a revoked token receives nothing more":
    "that was published after the answer, on any node and after a crash",
  "no connection after its end": "the gateway does not use one that is gone",
  "tables match the connections":
    "members, users, channels, connections, admissions and addresses, after every change",
  "presence matches the connections":
    "of users, their number, channels, nodes and what was sent; of a channel, the number of users and connections, and pages of users",
  "presence covers all nodes":
    "a node answers for all live nodes or fails; one that is cut off fails",
  "the backend believes what is so":
    "by webhook, of users who have not changed for five minutes and, once the world has healed, of all; an event is true when it is sent, and those of one user do not overlap",
  "no timer outlives its connection": "an idle gateway has one for each",
  "no buffer outlives its connection": "nothing waits for one that was closed",
  "durable before it is sent": "to any client",
  "201 means stored": "durable, at the position of its id",
  "accepted messages survive a crash": "all, in their positions",
  "stored unchanged": "as they were submitted",
  "published once": "across all retries, whatever their outcome",
  "a key is for one body": "reuse with another is refused",
  "total order": "sequences increase by one",
  "every message was submitted": "the log invents none",
  "health is the disk's": "a check fails exactly while the disk does",
  ...CLIENT_RULES,
  "no unexpected exception": "in the gateway, the client or the world",
  "nothing remains": "in tables and timers, once all clients have left",
} as const satisfies Readonly<Record<string, string>>;

export type Rule = keyof typeof RULES;
