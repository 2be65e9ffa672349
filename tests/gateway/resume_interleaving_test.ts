/**
 * The switch from replay to live: at every moment of it, and also while the fan-out is behind the log, each
 * published message arrives once and in order.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Op } from "../../gateway/protocol/mod.ts";
import { settle } from "../../mock/doubles/clock.ts";
import { FakeSocket } from "../../mock/doubles/socket.ts";
import { idsOf, World } from "./support/world.ts";

/** The moments of a resume at which a test publishes. */
const MOMENTS = ["verifying", "first page", "waiting", "later page", "live"] as const;
type Moment = typeof MOMENTS[number];

interface Case {
  /** Messages that the client missed. */
  readonly missed: number;
  readonly publishes: ReadonlySet<Moment>;
  /** From this moment on, the fan-out is behind until the clock advances. */
  readonly lag: Moment | undefined;
}

function* cases(): Generator<Case> {
  for (const missed of [0, 2, 250, 251]) {
    for (const lag of [undefined, ...MOMENTS]) {
      for (let subset = 0; subset < 2 ** MOMENTS.length; subset++) {
        const publishes = new Set(MOMENTS.filter((_, i) => (subset >> i) & 1));
        yield { missed, publishes, lag };
      }
    }
  }
}

const BULK = "x".repeat(90_000);

async function run({ missed, publishes, lag }: Case): Promise<void> {
  const world = new World();
  await world.ready({ user: "bulk" });
  const [seen] = await world.publish({});
  const expected = [...await world.publishMany(missed, { channel: "a" })];
  const at = async (moment: Moment) => {
    // More than one turn of the fan-out, so that it yields until a timer fires.
    if (lag === moment) await world.publishMany(4, { user: "bulk", content: BULK });
    if (!publishes.has(moment)) return;
    const drafts = [{ channel: "a" }, { channel: "b" }, { user: "alice" }, {}];
    const messages = await world.publish(...drafts);
    expected.push(...messages.filter(({ channel }) => channel !== "b"));
  };
  const socket = new FakeSocket();
  const peer = world.connect("192.0.2.1", socket);
  const held = world.verifier.held();
  peer.identifyWith(held.token, seen!.id);
  await at("verifying");
  world.log.holding = true;
  const expiresAt = world.clock.now() + 1_000_000;
  held.resolve({ ok: true, user: "alice", channels: ["a"], expiresAt, issuedAt: 0 });
  await settle();
  await at("first page");
  const missedInAll = expected.length;
  socket.stall();
  world.log.release();
  await settle();
  await at("waiting");
  socket.drain();
  await world.clock.advance(64);
  await at("later page");
  world.log.holding = false;
  world.log.release();
  await settle();
  await at("live");
  await world.clock.advance(1000);
  const marks = peer.frames(Op.Message).map((frame) => frame["replayed"] === true);
  const what = `${missed} missed, publishes ${[...publishes].join(", ")}, lag ${lag ?? "none"}`;
  assert.deepEqual(peer.received, idsOf(expected), what);
  assert.deepEqual(
    peer.frames(Op.Ready),
    [{ op: Op.Ready, user: "alice", last_id: seen!.id, resumed: true }],
    what,
  );
  // Messages before Ready that the fan-out had not reached count as published since.
  const marked = marks.lastIndexOf(true) + 1;
  assert.ok(marks.slice(0, marked).every((mark) => mark), what);
  const isBehind = lag === "verifying" || lag === "first page";
  assert.ok(isBehind ? missed <= marked && marked <= missedInAll : marked === missedInAll, what);
  assert.equal(peer.connection.phase, "ready");
}

Deno.test("Resuming gives every message once and in order, whenever it is published", async () => {
  let count = 0;
  for (const each of cases()) {
    await run(each);
    count += 1;
  }
  assert.equal(count, 4 * 6 * 32);
});
