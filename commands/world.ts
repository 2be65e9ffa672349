/**
 * Collaborators of most parts of a gateway.
 *
 * @module
 */

import type { Config } from "../gateway/config/parse.ts";
import type { Metrics } from "../gateway/metrics/metrics.ts";
import type { Clock, IdGenerator, Logger } from "../gateway/ports.ts";

export interface World {
  readonly config: Config;
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
  readonly metrics: Metrics;
}
