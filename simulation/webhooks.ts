/**
 * Makes the webhooks of one process of a simulated world: the production code, with the world's receiver instead of
 * HTTP.
 *
 * @module
 */

import type { Metrics } from "../gateway/metrics/metrics.ts";
import type { Logger } from "../gateway/ports.ts";
import { type Post, Webhooks } from "../gateway/webhooks/mod.ts";
import { FakeIds } from "../mock/doubles/ids.ts";
import type { Seams } from "./options.ts";
import type { ProcessClock } from "./process_clock.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { Receiver } from "./receiver.ts";

const OPTIONS = {
  url: new URL("https://backend.invalid/hooks"),
  secret: `whsec_${"A".repeat(32)}`,
  debounceMs: 1000,
};

export interface SimulatedWebhooksDeps {
  /** The number of the process. */
  readonly node: number;
  /** Stops with the process. */
  readonly clock: ProcessClock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly receiver: Receiver;
  readonly seams: Seams;
}

export function simulatedWebhooks(
  { node, clock, random, logger, metrics, receiver, seams }: SimulatedWebhooksDeps,
): Webhooks {
  const post = whileAlive(receiver.postOf(node), clock);
  const webhooks = new Webhooks(OPTIONS, {
    ...{ clock, logger, metrics, ids: new FakeIds(`p${node}n`), random: () => random.unit() },
    post: seams.post?.(post, clock) ?? post,
  });
  return seams.webhooks?.(webhooks, clock) ?? webhooks;
}

/** A process that has died sends nothing, and no answer reaches it. */
function whileAlive(post: Post, clock: ProcessClock): Post {
  const never = new Promise<never>(() => {});
  return (url, init) => {
    if (clock.dead) return never;
    const answered = post(url, init);
    return answered.then(
      (response) => clock.dead ? never : response,
      (error) => clock.dead ? never : Promise.reject(error),
    );
  };
}
