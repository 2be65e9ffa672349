/**
 * All checks, in the order of a report.
 *
 * @module
 */

import type { Check } from "../check.ts";
import { BACKOFF } from "./backoff.ts";
import { CLOSING } from "./closing.ts";
import { FRAMES } from "./frames.ts";
import { HEARTBEATS } from "./heartbeats.ts";
import { IDENTIFY } from "./identify.ts";
import { RESUMING } from "./resuming.ts";
import { TOKENS } from "./tokens.ts";

export const CHECKS: readonly Check[] = [
  ...IDENTIFY,
  ...HEARTBEATS,
  ...FRAMES,
  ...RESUMING,
  ...CLOSING,
  ...TOKENS,
  ...BACKOFF,
];
