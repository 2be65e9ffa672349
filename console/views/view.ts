/**
 * What a part of the page is: something that draws its part of the state, and what in it changes with the time.
 *
 * @module
 */

import type { State } from "../state.ts";

/** A part of the page. */
export interface View {
  /** Draws the state, if the part of it that is shown here has changed. */
  readonly render: (state: State) => void;
  /** Draws what counts down; called a few times a second. */
  readonly tick?: (state: State, now: number) => void;
}

/** A part of the page that shows `keys` of the state: `draw` is called when one of them is another value. */
export function viewOf<K extends keyof State>(
  keys: readonly K[],
  draw: (shown: Pick<State, K>) => void,
  tick?: View["tick"],
): View {
  let drawn: State | undefined;
  return {
    render(state) {
      const last = drawn;
      if (last !== undefined && keys.every((key) => state[key] === last[key])) return;
      drawn = state;
      draw(state);
    },
    ...tick === undefined ? {} : { tick },
  };
}
