/**
 * The rate limit: 120 frames in any 60 seconds, of whatever kind (docs/protocol.md, "Rate limit").
 *
 * @module
 */

import { type CloseCause, CloseCode } from "./codes.ts";
import type { SessionOptions } from "./session_types.ts";

/** The limit as options of a session. */
export const RATE_LIMIT = { rateLimitFrames: 120, rateLimitWindowMs: 60_000 } as const;

type RateLimit = Pick<SessionOptions, keyof typeof RATE_LIMIT>;

/** The arrivals in the window that ends at `at`, with one more; `undefined` if that exceeds the limit. */
export function addArrival(
  arrivals: readonly number[],
  at: number,
  { rateLimitFrames, rateLimitWindowMs }: RateLimit,
): readonly number[] | undefined {
  const inWindow = [...arrivals.filter((arrival) => arrival > at - rateLimitWindowMs), at];
  return inWindow.length > rateLimitFrames ? undefined : inWindow;
}

export function rateLimitCause({ rateLimitFrames, rateLimitWindowMs }: RateLimit): CloseCause {
  const reason = `more than ${rateLimitFrames} frames in ${rateLimitWindowMs / 1000} s`;
  return { code: CloseCode.RateLimited.code, reason };
}
