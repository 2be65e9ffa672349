/**
 * Tests the checker of signals: accepted and reported frames.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Signal } from "../../gateway/ports.ts";
import type { HistoryEntry } from "../../simulation/history.ts";
import { type Listener, SignalCheck } from "../../simulation/signal_check.ts";

const GENERAL: Signal = {
  channel: "general",
  author: "bob",
  content: { n: 1, pad: "" },
  time: 5,
};
const TO_ALICE: Signal = { user: "alice", author: "bob", content: { n: 2, pad: "" }, time: 5 };
const HEAD = { head: 7 };

const LISTENER: Listener = {
  connection: 1,
  wantsSignals: true,
  delivery: { user: "alice", channels: new Set(["general"]), missing: undefined },
};

/** A check of two signals that follow message 7. */
function setUp(): SignalCheck {
  const check = new SignalCheck((rule, explanation) => {
    throw new Error(`${rule}: ${explanation}`);
  });
  check.submitted(GENERAL, 7);
  check.submitted(TO_ALICE, 7);
  return check;
}

function textOf({ user: _, ...signal }: Signal, changes: object = {}): string {
  return JSON.stringify({ op: 4, ...signal, ...changes });
}

Deno.test("SignalCheck takes a signal for its channel or its user, and counts arrivals", () => {
  const check = setUp();
  for (const signal of [GENERAL, TO_ALICE]) {
    check.serverSent(LISTENER, textOf(signal), HEAD);
    check.clientReceived(LISTENER, textOf(signal));
  }
  assert.equal(check.arrivals, 2);
});

Deno.test("SignalCheck refuses a signal for a session that did not ask, or is not ready", () => {
  for (const changes of [{ wantsSignals: false }, { delivery: undefined }]) {
    assert.throws(
      () => setUp().serverSent({ ...LISTENER, ...changes }, textOf(GENERAL), HEAD),
      /^Error: signals only for those who asked: /,
    );
  }
});

Deno.test("SignalCheck refuses a signal for another user or another channel", () => {
  const stranger = { user: "eve", channels: new Set<string>(), missing: undefined };
  for (const signal of [GENERAL, TO_ALICE]) {
    assert.throws(
      () => setUp().serverSent({ ...LISTENER, delivery: stranger }, textOf(signal), HEAD),
      /^Error: signals only for those who may see them: /,
    );
  }
});

Deno.test("SignalCheck refuses a signal before a message that it follows, at the node or at the client", () => {
  assert.throws(
    () => setUp().serverSent(LISTENER, textOf(GENERAL), { head: 6 }),
    /^Error: no signal before its messages: /,
  );
  const behind = (sequence: number): Listener => ({
    ...LISTENER,
    delivery: {
      user: "alice",
      channels: new Set(["general"]),
      missing: { sequence } as HistoryEntry,
    },
  });
  setUp().clientReceived(behind(8), textOf(GENERAL));
  assert.throws(
    () => setUp().clientReceived(behind(7), textOf(GENERAL)),
    /^Error: no signal before its messages: /,
  );
});

Deno.test("SignalCheck refuses a signal that was changed, or never sent", () => {
  for (
    const changes of [{ author: "eve" }, { time: 6 }, { user: "alice" }, { content: { n: 9 } }]
  ) {
    assert.throws(
      () => setUp().serverSent(LISTENER, textOf(GENERAL, changes), HEAD),
      /^Error: signals unchanged: /,
    );
  }
});
