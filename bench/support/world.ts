/**
 * The production clock, ids and logger, for benchmarks of a log without a gateway.
 *
 * @module
 */

import type { Clock, IdGenerator, Logger } from "../../gateway/ports.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { RandomIds } from "../../gateway/runtime/ids.ts";
import { createLogger } from "../../gateway/runtime/logger.ts";

/** Makes all three; the logger writes errors only. */
export function createWorld(): {
  readonly clock: Clock;
  readonly ids: IdGenerator;
  readonly logger: Logger;
} {
  const logger = createLogger({ level: "error", format: "text" });
  return { clock: new SystemClock(), ids: new RandomIds(), logger };
}
