/**
 * The scale on which retention measures ages: it goes on at a true pace, whatever the wall clock does.
 *
 * A process measures by its steady clock. Only what passed between two processes is told by the wall
 * clock, and where that went back, nothing has. So a wall clock that was ahead once, or behind, leaves no
 * stamp that anything waits for.
 *
 * @module
 */

import type { Instant } from "./store_types.ts";

/** The scale, for one process. */
export class RetentionClock {
  readonly #last: { readonly time: number; readonly stamp: number };
  /** A steady time of this process, and its stamp. */
  #origin: { readonly steady: number; readonly stamp: number } | undefined;

  /** Goes on from the last message that earlier processes stored; both are 0 if there was none. */
  constructor(last: { readonly time: number; readonly stamp: number }) {
    this.#last = last;
  }

  /** `now` on this scale, in whole milliseconds. Never less than what was given before. */
  stampOf({ wall, steady }: Instant): number {
    const { time, stamp } = this.#last;
    this.#origin ??= { steady, stamp: stamp + Math.max(0, wall - time) };
    return this.#origin.stamp + Math.floor(Math.max(0, steady - this.#origin.steady));
  }
}
