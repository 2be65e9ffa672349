/**
 * Topics: the audience of a message as one string, by which logs index.
 *
 * Names are JSON in it, because a name may be any string and SQLite stores only valid UTF-8.
 *
 * @module
 */

import type { Audience, Draft } from "../ports.ts";

const EVERYONE = "everyone";
const USER = "user:";
const CHANNEL = "channel:";

export function topicOf(draft: Pick<Draft, "channel" | "user">): string {
  if (draft.channel !== undefined) return CHANNEL + JSON.stringify(draft.channel);
  if (draft.user !== undefined) return USER + JSON.stringify(draft.user);
  return EVERYONE;
}

/** The inverse of {@linkcode topicOf}. */
export function targetOf(topic: string): Pick<Draft, "channel" | "user"> {
  if (topic.startsWith(CHANNEL)) return { channel: JSON.parse(topic.slice(CHANNEL.length)) };
  if (topic.startsWith(USER)) return { user: JSON.parse(topic.slice(USER.length)) };
  return {};
}

/** The topics that `audience` may read, each once. */
export function topicsOf(audience: Audience): readonly string[] {
  const topics = new Set(audience.channels.map((channel) => topicOf({ channel })));
  if (audience.user !== undefined) topics.add(topicOf({ user: audience.user }));
  if (audience.everyone) topics.add(EVERYONE);
  return [...topics];
}
