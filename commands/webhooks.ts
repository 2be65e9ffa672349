/**
 * The webhooks that the options describe, if any.
 *
 * @module
 */

import { Webhooks } from "../gateway/webhooks/mod.ts";
import type { World } from "./world.ts";

export function createWebhooks(
  { config: { webhooks }, ...world }: World,
): Webhooks | undefined {
  return webhooks && new Webhooks(webhooks, { ...world, random: Math.random, post: fetch });
}
