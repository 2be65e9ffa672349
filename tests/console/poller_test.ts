/**
 * The console's polling, which stops while the page is hidden.
 *
 * @module
 */

import assert from "node:assert/strict";
import { pollWhileVisible } from "../../console/poller.ts";

Deno.test("pollWhileVisible() rests while the page is hidden, and begins at once when it is shown", async () => {
  let [isHidden, polls] = [false, 0];
  let [turn, tick] = [(): void => {}, (): void => {}];
  let waiting = 0;
  pollWhileVisible({
    isHidden: () => isHidden,
    onVisibility: (callback) => turn = callback,
    later: (callback) => {
      waiting += 1;
      tick = () => {
        waiting -= 1;
        callback();
      };
    },
    poll: () => {
      polls += 1;
      return Promise.resolve();
    },
  });
  const settled = (): Promise<void> => Promise.resolve().then(() => {});
  await settled();
  assert.deepEqual([polls, waiting], [1, 1]);
  tick();
  await settled();
  assert.deepEqual([polls, waiting], [2, 1]);
  isHidden = true;
  turn();
  tick();
  await settled();
  assert.deepEqual([polls, waiting], [2, 0], "nothing is asked, and nothing is to be");
  isHidden = false;
  turn();
  await settled();
  assert.deepEqual([polls, waiting], [3, 1]);
  turn();
  await settled();
  assert.deepEqual([polls, waiting], [3, 1], "one at a time");
});
