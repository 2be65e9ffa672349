/**
 * The gateway that a check needs.
 *
 * @module
 */

import type { ConnectionOptions } from "../gateway/session/connection_context.ts";
import type { TokenOptions } from "../mock/issuer.ts";

/** In bytes, far above what a client needs: checks measure frames themselves, and go on after a fault. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** The gateway of one check. */
export interface Setting {
  readonly connection?: Partial<ConnectionOptions>;
  readonly retentionMs?: number;
  /** Answers login number `count`, which starts at 1. */
  readonly login?: (count: number) => Login;
}

export interface Login {
  readonly delayMs?: number;
  readonly token?: TokenOptions;
}
