/**
 * What a part of the page is: something that draws the state, and what in it changes with the time.
 *
 * @module
 */

import type { State } from "../state.ts";

/** A part of the page. */
export interface View {
  /** Draws the state; called after each change. */
  readonly render: (state: State) => void;
  /** Draws what counts down; called a few times a second. */
  readonly tick?: (state: State, now: number) => void;
}
