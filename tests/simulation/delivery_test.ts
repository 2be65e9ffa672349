/**
 * Tests the delivery checker: accepted and reported sequences.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Draft } from "../../gateway/ports.ts";
import { Delivery } from "../../simulation/delivery.ts";
import { SimulatedDisk } from "../../simulation/disk.ts";
import { History, Progress } from "../../simulation/history.ts";

/** A session of `alice` in `general` at the start of a log. */
class Scene {
  readonly #disk = new SimulatedDisk({ retentionMs: 1e9, retentionRows: 1e9 });
  readonly #history = new History(
    this.#disk,
    (rule, explanation) => this.#report(rule, explanation),
  );
  readonly #progress = new Progress(0, (rule, explanation) => this.#report(rule, explanation));
  readonly delivery = new Delivery({
    connection: 1,
    history: this.#history,
    report: (rule, explanation) => this.#report(rule, explanation),
    epoch: "e1",
    user: "alice",
    channels: ["general"],
    after: 0,
    atMs: 0,
    progress: this.#progress,
  });
  #atMs = 0;

  publish(target: Pick<Draft, "channel" | "user">): void {
    const sequence = this.#history.head + 1;
    const draft = { ...target, author: "bob", content: { n: sequence, pad: "" } };
    this.#history.submitted(draft);
    this.#disk.commit({ rows: [{ sequence, topic: "", body: "", time: 5, stamp: 5 }], keys: [] });
    const message = { ...draft, id: `e1-${sequence}`, sequence, time: 5 };
    this.#progress.advance(sequence, ++this.#atMs);
    this.delivery.notify(this.#history.notify(message));
  }

  arrive(sequence: number, changes: Readonly<Record<string, unknown>> = {}): void {
    const draft = this.#history.at(sequence)?.draft;
    const id = `e1-${sequence}`;
    const { channel, author, content } = draft ?? { author: "", content: null };
    const text = JSON.stringify({ op: 3, id, author, content, time: 5, channel, ...changes });
    this.delivery.arrived(id, text);
  }

  #report(rule: string, explanation: string): never {
    throw new Error(`${rule}: ${explanation}`);
  }
}

Deno.test("Delivery takes what the user may see, in order", () => {
  const scene = new Scene();
  scene.publish({ channel: "general" });
  scene.publish({ channel: "other" });
  scene.publish({ user: "alice" });
  scene.publish({});
  for (const sequence of [1, 3, 4]) scene.arrive(sequence);
  assert.equal(scene.delivery.missing, undefined);
  assert.equal(scene.delivery.liveBytes, 0);
});

Deno.test("Delivery reports a message that is missing before another", () => {
  const scene = new Scene();
  scene.publish({});
  scene.publish({});
  assert.throws(() => scene.arrive(2), /every accepted message arrives: e1-1 is missing/);
});

Deno.test("Delivery reports a message that comes twice or late", () => {
  const scene = new Scene();
  scene.publish({});
  scene.publish({});
  scene.arrive(1);
  assert.throws(() => scene.arrive(1), /exactly once, in order/);
  scene.arrive(2);
  assert.throws(() => scene.arrive(1), /exactly once, in order/);
});

Deno.test("Delivery reports what is another user's, or of another channel", () => {
  for (const target of [{ user: "bob" }, { channel: "other" }]) {
    const scene = new Scene();
    scene.publish(target);
    assert.throws(() => scene.arrive(1), /only entitled messages/);
  }
});

Deno.test("Delivery reports a message that was made up or changed", () => {
  const scene = new Scene();
  assert.throws(() => scene.arrive(1), /was never handed to listeners/);
  const changes = [{ author: "eve" }, { channel: "x" }, { time: 6 }, {
    content: { n: 1, pad: "!" },
  }];
  for (const change of changes) {
    const scene = new Scene();
    scene.publish({ channel: "general" });
    assert.throws(() => scene.arrive(1, change), /delivered unchanged/);
  }
});

Deno.test("Delivery.leave() excuses what a replay has not sent, and forbids what comes after", () => {
  const scene = new Scene();
  scene.publish({ channel: "general" });
  scene.publish({ channel: "general" });
  scene.delivery.leave("general", { replays: true });
  scene.publish({ channel: "general" });
  scene.publish({});
  scene.arrive(2);
  assert.throws(() => scene.arrive(3), /only entitled messages/);
});

Deno.test("Delivery.leave() asks for what the fan-out had before it", () => {
  const scene = new Scene();
  scene.publish({ channel: "general" });
  scene.delivery.leave("general", { replays: false });
  scene.publish({});
  assert.throws(() => scene.arrive(2), /every accepted message arrives/);
});

Deno.test("Delivery.join() asks for what comes after, and forbids what came before", () => {
  const scene = new Scene();
  scene.publish({ channel: "new" });
  scene.delivery.join("new");
  scene.publish({ channel: "new" });
  assert.equal(scene.delivery.missing?.sequence, 2);
  assert.throws(() => scene.arrive(1), /only entitled messages/);
});

Deno.test("Delivery refuses a mark on what was published since Ready", () => {
  const scene = new Scene();
  scene.publish({ channel: "general" });
  assert.throws(() => scene.arrive(1, { replayed: true }), /^Error: what was missed is marked: /);
});
