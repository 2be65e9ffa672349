/**
 * The events that webhooks carry, in the form of the specification of Standard Webhooks.
 *
 * @module
 */

import type { Json, UserState } from "../ports.ts";

/** An event as it is sent, the same in every attempt. */
export interface WebhookEvent {
  /** The header `webhook-id`. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
}

interface EventParts {
  readonly id: string;
  /** Wall time, in milliseconds. */
  readonly atMs: number;
}

/** The state of a user. */
export function userEvent(
  { id, atMs, user, connections }: EventParts & {
    readonly user: string;
    /** Open and ready; with 0, the user is offline. */
    readonly connections: number;
  },
): WebhookEvent {
  const data = { user, connections, since: atMs };
  return event({ id, atMs }, `user.${stateOf(connections)}`, data);
}

/** The start of the gateway that is called `node`. */
export function startEvent(
  { node, ...parts }: EventParts & { readonly node: string },
): WebhookEvent {
  return event(parts, "gateway.started", { node });
}

export function stateOf(connections: number): UserState {
  return connections > 0 ? "online" : "offline";
}

function event({ id, atMs }: EventParts, type: string, data: Json): WebhookEvent {
  return { id, body: JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data }) };
}
