/**
 * `Semaphore`, and the text of message ids.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Semaphore } from "../../gateway/log/semaphore.ts";
import { formatMessageId, parseMessageId } from "../../gateway/log/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";

Deno.test("Semaphore lets as many through at once as it is wide, in order", async () => {
  const semaphore = new Semaphore(2);
  const started: number[] = [];
  const finish: (() => void)[] = [];
  const pass = (number: number) =>
    semaphore.run(async () => {
      started.push(number);
      await new Promise<void>((resolve) => finish[number] = resolve);
      return number;
    });
  const passing = [0, 1, 2].map(pass);
  for (let done = 0; done < 6; done++) {
    await settle();
    assert.deepEqual(started, [0, 1, 2, 3, 4, 5].slice(0, done + 2));
    // One waits while another leaves, and one more arrives.
    finish[done]?.();
    if (done < 3) passing.push(pass(done + 3));
  }
  assert.deepEqual(await Promise.all(passing), [0, 1, 2, 3, 4, 5]);
});

Deno.test("Semaphore gives the place of work that fails to the next", async () => {
  const semaphore = new Semaphore(1);
  const failing = semaphore.run(() => Promise.reject(new Error("failed")));
  const next = semaphore.run(() => Promise.resolve("next"));
  await assert.rejects(failing, /failed/);
  assert.equal(await next, "next");
  assert.equal(await semaphore.run(() => Promise.resolve("last")), "last");
});

Deno.test("parseMessageId() reads what formatMessageId() prints, and nothing else", () => {
  for (const sequence of [0, 1, 10, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const id = { epoch: "0az9", sequence };
    assert.deepEqual(parseMessageId(formatMessageId(id.epoch, id.sequence)), id);
  }
  for (
    const text of ["a-9007199254740992", "a-00", "a-01", "A-1", "a_-1", "-1", "a-", "a-1 ", "a--1"]
  ) {
    assert.equal(parseMessageId(text), undefined, text);
  }
  assert.equal(parseMessageId(`${"a".repeat(41)}-1`), undefined);
});
