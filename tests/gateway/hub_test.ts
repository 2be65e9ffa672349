/**
 * The hub: recipients, order, and a large backlog that shares the event loop.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Run } from "../../gateway/session/encode.ts";
import { Hub, type Member } from "../../gateway/hub/hub.ts";
import type { Draft, Message } from "../../gateway/ports.ts";
import { FakeClock, settle } from "../../mock/doubles/clock.ts";

/** Records what it receives. `react` runs at each delivery. */
class Recorder implements Member {
  readonly got: Run[] = [];
  react: (() => void) | undefined;
  servedInTurn = 0;
  readonly wantsSignals = false;

  deliverSignals(): void {
    assert.fail("it asked for no signals");
  }

  deliver(run: Run): void {
    this.got.push(run);
    this.react?.();
  }

  get sequences(): number[] {
    return this.got.flatMap(({ messages }) => messages.map(({ sequence }) => sequence));
  }
}

/** A clock that also advances during a turn. */
class LaggingClock extends FakeClock {
  lagMs = 0;

  override steady(): number {
    return super.steady() + this.lagMs;
  }
}

function setUp({ turnDeliveries }: { turnDeliveries?: number } = {}) {
  const clock = new LaggingClock();
  const changes: string[] = [];
  const hub = new Hub<Recorder>({
    ...{ clock, position: { id: "e-0", sequence: 0 }, turnDeliveries },
    userChanged: (user, online) => changes.push(`${user} ${online ? "came" : "went"}`),
  });
  let sequence = 0;
  const make = (draft: Partial<Draft> = {}): Message => {
    sequence += 1;
    return { author: "app", content: null, ...draft, sequence, id: `e-${sequence}`, time: 0 };
  };
  const publish = (...drafts: readonly Partial<Draft>[]) => hub.publish(drafts.map(make));
  const member = (user: string, ...channels: readonly string[]) => {
    const recorder = new Recorder();
    hub.register(recorder, user, channels);
    return recorder;
  };
  return { clock, hub, publish, member, changes };
}

const NOTHING = { members: 0, listeners: 0, users: 0, channels: 0 };

Deno.test("Hub delivers by channel, by user and to everyone, to no others", () => {
  const { publish, member } = setUp();
  const both = member("ann", "a", "b");
  const second = member("ann");
  const other = member("bob", "b");
  publish({ channel: "a" }, { channel: "b" }, { user: "ann" }, { user: "bob" }, {}, {
    channel: "ann",
  }, { user: "a" });
  assert.deepEqual(both.sequences, [1, 2, 3, 5]);
  assert.deepEqual(second.sequences, [3, 5]);
  assert.deepEqual(other.sequences, [2, 4, 5]);
});

Deno.test("Hub encodes a message once for all members", () => {
  const { publish, member } = setUp();
  const members = Array.from({ length: 50 }, () => member("ann", "a"));
  publish({ channel: "a", content: { text: "ä€😀" } });
  const [first] = members[0]!.got;
  assert.ok(first !== undefined);
  assert.equal(first.frames.bytes, new TextEncoder().encode(first.frames.texts.join("")).length);
  for (const { got } of members) assert.ok(got.length === 1 && got[0] === first);
  assert.equal(first.frames.wire, first.frames.wire);
});

Deno.test("Hub hands over consecutive messages to the same audience as one run", () => {
  const { hub, publish, member } = setUp();
  const ann = member("ann", "a", "b");
  publish({ channel: "a" }, { channel: "a" }, { channel: "b" }, { channel: "a" }, {}, {}, {
    user: "ann",
  });
  const runs = ann.got.map(({ messages }) => messages.map(({ sequence }) => sequence));
  assert.deepEqual(runs, [[1, 2], [3], [4], [5, 6], [7]]);
  hub.unsubscribe(ann, "b");
  publish({ channel: "a" }, { channel: "b" }, { channel: "a" });
  assert.deepEqual(ann.sequences, [1, 2, 3, 4, 5, 6, 7, 8, 10]);
});

Deno.test("Hub ends a run with the message that takes it over 32 Ki characters, or at 256", () => {
  const { publish, member } = setUp();
  const ann = member("ann");
  const content = "x".repeat(12_000);
  publish({ content }, { content }, { content }, { content });
  publish(...Array.from({ length: 600 }, () => ({})));
  assert.deepEqual(ann.got.map(({ messages }) => messages.length), [3, 1, 256, 256, 88]);
  assert.deepEqual(ann.sequences, Array.from({ length: 604 }, (_, i) => i + 1));
});

Deno.test("Hub.subscribe() and unsubscribe() change one channel of one member", () => {
  const { hub, publish, member } = setUp();
  const ann = member("ann", "a");
  const bob = member("bob", "a");
  assert.equal(hub.subscribe(ann, "b"), true);
  assert.equal(hub.subscribe(ann, "b"), false);
  assert.equal(hub.unsubscribe(ann, "a"), true);
  assert.equal(hub.unsubscribe(ann, "a"), false);
  publish({ channel: "a" }, { channel: "b" });
  assert.deepEqual(ann.sequences, [2]);
  assert.deepEqual(bob.sequences, [1]);
  assert.deepEqual([...hub.channelsOf(ann)], ["b"]);
  const stranger = new Recorder();
  assert.equal(hub.subscribe(stranger, "b"), false);
  assert.equal(hub.unsubscribe(stranger, "b"), false);
  assert.equal(hub.channelsOf(stranger).size, 0);
});

Deno.test("Hub keeps no table of a user or a channel without members", () => {
  const { hub, member } = setUp();
  const members = Array.from({ length: 20 }, (_, i) => member(`u${i % 7}`, `c${i}`, "all"));
  assert.deepEqual(hub.tables, { members: 20, listeners: 0, users: 7, channels: 21 });
  for (const each of members) hub.subscribe(each, "late");
  for (const each of members) hub.unsubscribe(each, "all");
  assert.deepEqual(hub.tables, { members: 20, listeners: 0, users: 7, channels: 21 });
  for (const each of members) hub.remove(each);
  hub.remove(members[0]!);
  assert.deepEqual(hub.tables, NOTHING);
  assert.deepEqual(hub.membersOf("u0"), []);
});

Deno.test("Hub says when the first member of a user comes, and when the last one goes", () => {
  const { hub, member, changes } = setUp();
  const first = member("ann", "a");
  const second = member("ann");
  hub.register(first, "ann", ["b"]);
  hub.remove(first);
  hub.remove(first);
  assert.deepEqual(changes, ["ann came"]);
  hub.register(second, "bob", []);
  hub.remove(second);
  assert.deepEqual(changes.slice(1), ["ann went", "bob came", "bob went"]);
});

Deno.test("Hub.register() of a member replaces its channels and its user", () => {
  const { hub, publish, member } = setUp();
  const ann = member("ann", "a", "b");
  hub.register(ann, "ann", ["b", "c", "c"]);
  publish({ channel: "a" }, { channel: "b" }, { channel: "c" }, { user: "ann" }, {});
  assert.deepEqual(ann.sequences, [2, 3, 4, 5]);
  assert.deepEqual(hub.tables, { members: 1, listeners: 0, users: 1, channels: 2 });
  hub.register(ann, "eve", ["c"]);
  publish({ user: "ann" }, { user: "eve" }, { channel: "b" });
  assert.deepEqual(ann.sequences, [2, 3, 4, 5, 7]);
  assert.deepEqual(hub.tables, { members: 1, listeners: 0, users: 1, channels: 1 });
});

Deno.test("Hub goes on when members leave during a delivery, and gives those nothing more", () => {
  const { hub, publish, member } = setUp();
  const [first, second, third] = [member("a"), member("b"), member("c")];
  first.react = () => {
    hub.remove(first);
    hub.remove(second);
  };
  publish({});
  publish({}, {});
  assert.deepEqual(first.sequences, [1]);
  assert.deepEqual(second.sequences, []);
  assert.deepEqual(third.sequences, [1, 2, 3]);
});

for (const channel of [undefined, "a"]) {
  Deno.test(`Hub delivers a message once to a member that registers again during its delivery (${channel ?? "everyone"})`, () => {
    const { hub, publish, member } = setUp();
    const members = [member("a", "a"), member("b", "a"), member("c", "a")];
    for (const [i, each] of members.entries()) {
      each.react = () => {
        // Bounded, so that this test fails rather than never ends.
        if (each.got.length < 10) hub.register(each, ["a", "b", "c"][i]!, ["a"]);
      };
    }
    const draft = channel === undefined ? {} : { channel };
    publish(draft, draft);
    for (const each of members) assert.deepEqual(each.sequences, [1, 2]);
  });
}

/** Drafts of which no two neighbours have the same audience. */
function alternating(count: number): Partial<Draft>[] {
  return Array.from({ length: count }, (_, i) => i % 2 === 0 ? {} : { channel: "all" });
}

Deno.test("Hub ends its turn after so many deliveries, and goes on with the next turn of the event loop", async () => {
  const { clock, hub, publish, member } = setUp({ turnDeliveries: 200 });
  const members = Array.from({ length: 10 }, () => member("ann", "all"));
  publish(...alternating(100));
  assert.equal(members[0]!.got.length, 20);
  assert.deepEqual(hub.position, { id: "e-20", sequence: 20 });
  // A message published in between waits for its turn.
  publish({ user: "nobody" }, { user: "ann" });
  assert.equal(members[9]!.got.length, 20);
  let turns = 0;
  for (; clock.fireNext(); turns++) assert.equal(clock.pending <= 1, true);
  assert.equal(turns, 5);
  await settle();
  const all = [...Array.from({ length: 100 }, (_, i) => i + 1), 102];
  for (const each of members) assert.deepEqual(each.sequences, all);
  assert.equal(hub.position.sequence, 102);
  assert.equal(clock.pending, 0);
});

Deno.test("Hub ends its turn within the audience of one message", () => {
  const { clock, hub, publish, member } = setUp({ turnDeliveries: 100 });
  const members = Array.from({ length: 250 }, () => member("ann"));
  publish({});
  const served = (): number => members.filter(({ got }) => got.length > 0).length;
  const counts = [served()];
  while (clock.fireNext()) counts.push(served());
  assert.deepEqual(counts, [100, 200, 250]);
  assert.equal(hub.position.sequence, 1);
});

Deno.test("Hub ends its turn after 1,000 members, however many messages each of them gets", () => {
  const { clock, publish, member } = setUp();
  const members = Array.from({ length: 2200 }, () => member("ann", "all"));
  publish({});
  const served = (): number => members.filter(({ got }) => got.length > 0).length;
  const counts = [served()];
  while (clock.fireNext()) counts.push(served());
  assert.deepEqual(counts, [1000, 2000, 2200]);
  const few = setUp();
  const one = few.member("ann", "all");
  few.publish(...alternating(5000));
  assert.equal(one.got.length, 5000);
  assert.equal(few.clock.pending, 0);
});

Deno.test("Hub ends its turn after 8 ms, however few deliveries that were", () => {
  const { clock, publish, member } = setUp();
  const members = Array.from({ length: 1000 }, () => member("ann"));
  for (const each of members) each.react = () => (clock.lagMs += 0.05);
  publish({});
  const served = members.filter(({ got }) => got.length > 0).length;
  assert.ok(served >= 160 && served < 160 + 64, `${served} deliveries`);
});

Deno.test("Hub in the middle of a run gives nothing to who leaves, and not the run to who joins", () => {
  const { clock, hub, publish, member } = setUp({ turnDeliveries: 2 });
  const [first, second, third, fourth] = ["a", "b", "c", "d"].map((user) => member(user, "room"));
  publish({ channel: "room" }, { channel: "room" });
  assert.deepEqual([first, second, third, fourth].map((each) => each!.got.length), [1, 1, 0, 0]);
  // A member that registers here gets this position, and receives what follows it.
  assert.equal(hub.position.sequence, 2);
  const late = member("late", "room");
  hub.unsubscribe(third!, "room");
  hub.unsubscribe(first!, "room");
  hub.subscribe(first!, "room");
  publish({ channel: "room" });
  while (clock.fireNext());
  assert.deepEqual(first!.sequences, [1, 2, 3]);
  assert.deepEqual(third!.sequences, []);
  assert.deepEqual(fourth!.sequences, [1, 2, 3]);
  assert.deepEqual(late.sequences, [3]);
});

Deno.test("inOrder() acts between the messages before it and those after it, between turns too", async () => {
  const { clock, hub, publish, member } = setUp({ turnDeliveries: 2000 });
  const crowd = Array.from({ length: 1500 }, () => member("crowd", "crowd"));
  const ann = member("ann", "room");
  const room = { channel: "room" };
  publish({ user: "crowd" }, { channel: "crowd" }, room);
  assert.deepEqual(ann.sequences, [], "the turn is over");
  hub.inOrder(() => hub.unsubscribe(ann, "room"));
  publish(room);
  await clock.advance(0);
  hub.inOrder(() => hub.subscribe(ann, "room"));
  publish(room);
  await clock.advance(0);
  assert.deepEqual(ann.sequences, [3, 5]);
  assert.equal(crowd[0]?.got.length, 2);
});

Deno.test("Hub ends its turn after 4 MiB, and messages without an audience cost nothing", () => {
  const { clock, hub, publish, member } = setUp();
  const ann = member("ann", "a");
  const content = "x".repeat(1024 * 1024);
  publish(...Array.from({ length: 10 }, () => ({ channel: "a", content })));
  assert.deepEqual(ann.sequences, [1, 2, 3, 4]);
  while (clock.fireNext());
  assert.equal(ann.got.length, 10);
  publish(...Array.from({ length: 5000 }, () => ({ channel: "empty", content })));
  assert.equal(clock.pending, 0);
  assert.equal(hub.position.sequence, 5010);
});

Deno.test("Hub delivers by who is there when a run's turn comes", () => {
  const { clock, hub, publish, member } = setUp({ turnDeliveries: 2000 });
  const members = Array.from({ length: 2000 }, () => member("ann", "all"));
  publish(...alternating(3));
  hub.remove(members[0]!);
  const late = member("late", "all");
  clock.fireNext();
  hub.register(members[1]!, "ann", ["all", "a"]);
  while (clock.fireNext());
  assert.deepEqual(members[0]!.sequences, [1]);
  assert.deepEqual(members[1]!.sequences, [1, 2, 3]);
  assert.deepEqual(late.sequences, [2, 3]);
});

Deno.test("Hub.whenBelowBacklogLimit() waits while 2,000 messages or more wait, and no longer", async () => {
  const { clock, hub, publish, member } = setUp({ turnDeliveries: 2000 });
  member("ann", "all");
  await hub.whenBelowBacklogLimit();
  publish(...alternating(6000));
  let released = 0;
  for (let i = 0; i < 3; i++) void hub.whenBelowBacklogLimit().then(() => released++);
  await settle();
  assert.equal(released, 0);
  clock.fireNext();
  await settle();
  assert.equal(hub.position.sequence, 4000);
  assert.equal(released, 0);
  clock.fireNext();
  await settle();
  assert.equal(released, 3);
  assert.equal(clock.pending, 0);
});

Deno.test("Hub goes on with what is left when an action has a bug", () => {
  const { clock, hub, publish, member } = setUp();
  const ann = member("ann");
  assert.throws(
    () =>
      hub.inOrder(() => {
        publish({});
        throw new TypeError("a bug");
      }),
    /a bug/,
  );
  while (clock.fireNext());
  publish({});
  assert.deepEqual(ann.sequences, [1, 2]);
});
