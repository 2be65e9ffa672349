/**
 * A view draws its part of the state.
 *
 * @module
 */

import type { State } from "../state.ts";

export interface View {
  /** Draws the state if its part has changed. */
  readonly render: (state: State) => void;
  /** Draws countdowns; called a few times a second. */
  readonly tick?: (state: State, now: number) => void;
}

/** Makes a view that calls `draw` when one of `keys` of the state has changed. */
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
