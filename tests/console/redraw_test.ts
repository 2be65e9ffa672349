/**
 * The console's drawing: as often as it can be seen, and only what has changed.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Later, Redraw } from "../../console/redraw.ts";
import { append, Store } from "../../console/state.ts";
import { viewOf } from "../../console/views/view.ts";

/** Calls back on demand. */
class Waiting {
  #callbacks = new Set<() => void>();
  readonly later: Later = (callback) => {
    this.#callbacks.add(callback);
    return () => void this.#callbacks.delete(callback);
  };

  get size(): number {
    return this.#callbacks.size;
  }

  come(): void {
    const callbacks = [...this.#callbacks];
    this.#callbacks.clear();
    for (const callback of callbacks) callback();
  }
}

interface Drawn {
  readonly store: Store;
  readonly frames: Waiting;
  readonly timers: Waiting;
  readonly rests: Waiting;
  readonly drawn: readonly string[];
}

function pageOf(): Drawn {
  const [frames, timers, rests] = [new Waiting(), new Waiting(), new Waiting()];
  const store = new Store();
  const drawn: string[] = [];
  const display = { frame: frames.later, while: timers.later, rest: rests.later };
  const redraw = new Redraw(display, () => drawn.push(store.state.announcement));
  store.subscribe(() => redraw.request());
  return { store, frames, timers, rests, drawn };
}

Deno.test("Redraw draws thousands of changes before a frame of the display once", () => {
  const { store, frames, timers, rests, drawn } = pageOf();
  for (let at = 1; at <= 6000; at += 1) store.update({ announcement: `message ${at}` });
  assert.deepEqual(drawn, []);
  frames.come();
  assert.deepEqual(drawn, ["message 6000"]);
  rests.come();
  frames.come();
  timers.come();
  assert.equal(drawn.length, 1, "nothing has changed since");
  store.update({ announcement: "another" });
  frames.come();
  assert.deepEqual(drawn, ["message 6000", "another"]);
});

Deno.test("Redraw rests between two drawings, and forgets nothing over it", () => {
  const { store, frames, rests, drawn } = pageOf();
  store.update({ announcement: "first" });
  frames.come();
  store.update({ announcement: "second" });
  store.update({ announcement: "third" });
  frames.come();
  assert.deepEqual(drawn, ["first"]);
  rests.come();
  frames.come();
  assert.deepEqual(drawn, ["first", "third"]);
});

Deno.test("Redraw draws a hidden page, which has no frames, after a while", () => {
  const { store, frames, timers, drawn } = pageOf();
  store.update({ announcement: "unseen" });
  store.update({ announcement: "unseen too" });
  timers.come();
  assert.deepEqual(drawn, ["unseen too"]);
  assert.equal(frames.size + timers.size, 0, "nothing is left to come");
});

Deno.test("viewOf() draws when its part of the state is another, and not else", () => {
  const drawn: number[] = [];
  const view = viewOf(["messages"], ({ messages }) => void drawn.push(messages.length));
  const store = new Store();
  view.render(store.state);
  store.update({ announcement: "of no interest", frames: [] });
  view.render(store.state);
  assert.deepEqual(drawn, [0]);
  const gap = { kind: "gap", seq: 1, at: 1 } as const;
  store.update({ messages: append(store.state.messages, gap, 200) });
  view.render(store.state);
  assert.deepEqual(drawn, [0, 1]);
});

Deno.test("append() keeps the newest, and no more than its limit", () => {
  let list: readonly number[] = [];
  for (let at = 1; at <= 7; at += 1) list = append(list, at, 3);
  assert.deepEqual(list, [5, 6, 7]);
});
