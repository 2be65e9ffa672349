/**
 * Checks of the delays between attempts. They are random, so a check looks at many, and is wrong about a correct
 * client less than once in 100,000 runs.
 *
 * @module
 */

import type { Stage } from "../stage.ts";
import type { Check } from "../check.ts";
import { expect } from "../outcome.ts";
import type { Connection } from "../wire.ts";

/** The limit of the first delay, as the protocol recommends it. */
const FIRST_MS = 500;
/** A delay that shows a limit of 4 s or more, even on a busy machine. */
const GROWN_MS = 3000;
/** A delay of a client that has reset its limit, on a busy machine. */
const RESET_MS = FIRST_MS + 1500;
/**
 * With limits of 0.5, 1, 2, 4, 8, 16 and then 20 s, a correct client has no delay above `GROWN_MS` among so many with
 * a probability of 3/4 * 3/8 * 3/16 * (3/20)^5, which is 4 in a million.
 */
const MAX_FAILURES = 11;
const SAMPLES = 16;
const SAMPLE_MS = 15_000;
/** The range of the middle 80 % of uniform delays of up to 500 ms is 400 ms. */
const MIN_RANGE_MS = 120;
/** A session that lasted. */
const LASTED_MS = 10_500;

const HINT = "Wait a random time of up to 500 ms; double this limit with each failure, up to 20 s.";

const list = (delays: readonly number[]): string =>
  delays.map((ms) => `${Math.round(ms)} ms`).join(", ");

/** True if these delays decide: one is long, or there are enough. */
function decides(delays: readonly number[]): boolean {
  return delays.length >= MAX_FAILURES || delays.some((ms) => ms > GROWN_MS);
}

function expectGrowth(delays: readonly number[]): void {
  const [first = 0] = delays;
  expect(first <= RESET_MS, `the first delay was ${list([first])}`);
  expect(delays.some((ms) => ms > GROWN_MS), `it tried again after ${list(delays)}`);
}

/** Ends a session; returns the next one and the delay before it. */
async function again(
  stage: Stage,
  connection: Connection,
  code?: number,
): Promise<{ readonly next: Connection; readonly delayMs: number }> {
  if (code === undefined) await stage.drop(connection);
  else await stage.close(connection, code);
  const { connection: next } = await stage.reconnected(connection, { withinMs: 22_000 });
  await stage.until("Ready", () => next.ready);
  return { next, delayMs: next.openedAtMs - (connection.closedAtMs ?? 0) };
}

/** Ends sessions, from the ready one on, until there are enough delays. */
async function delaysUntil(
  stage: Stage,
  isEnough: (delays: readonly number[]) => boolean,
  code?: number,
): Promise<readonly number[]> {
  let connection = await stage.ready();
  const delays: number[] = [];
  while (!isEnough(delays)) {
    const { next, delayMs } = await again(stage, connection, code);
    delays.push(delayMs);
    connection = next;
  }
  return delays;
}

/** Ends a session for each limit, which the delay after it must hold. */
async function expectReset(
  stage: Stage,
  limitsMs: readonly number[],
  code?: number,
): Promise<void> {
  const exceeds = (ms: number, index: number): boolean => ms > (limitsMs[index] ?? 0);
  const delays = await delaysUntil(
    stage,
    (some) => some.length === limitsMs.length || some.some(exceeds),
    code,
  );
  expect(!delays.some(exceeds), `it came back after ${list(delays)}`);
}

/** Refuses `count` handshakes after a drop; returns the session after them. */
async function failures(stage: Stage, count: number): Promise<Connection> {
  const first = await stage.ready();
  const { length } = stage.wire.attempts;
  stage.refuse = { status: 503 };
  await stage.drop(first);
  const refused = () => stage.wire.attempts.length >= length + count || undefined;
  await stage.until(`${count} attempts that are refused with 503`, refused, { withinMs: 40_000 });
  stage.refuse = undefined;
  const { connection } = await stage.reconnected(first, { withinMs: 22_000 });
  await stage.until("Ready", () => connection.ready);
  return connection;
}

export const BACKOFF: readonly Check[] = [
  {
    id: "backoff-grows",
    section: "Close codes",
    rule: "The delay grows while attempts fail.",
    hint: `${HINT} A handshake that fails is a failure, too.`,
    realS: 10,
    run: async (stage) => {
      const first = await stage.ready();
      const { length } = stage.wire.attempts;
      stage.refuse = { status: 503 };
      await stage.drop(first);
      const delays = () => {
        const times = [
          first.closedAtMs ?? 0,
          ...stage.wire.attempts.slice(length).map((a) => a.atMs),
        ];
        return times.slice(1).map((at, index) => at - (times[index] ?? 0));
      };
      const enough = () => decides(delays()) || undefined;
      await stage.until("attempts after refusals with 503", enough, { withinMs: 60_000 });
      expectGrowth(delays());
    },
  },
  {
    id: "backoff-jitter",
    section: "Close codes",
    rule: "The delays are random.",
    hint: `${HINT} A restart disconnects all clients at once; they must not come back at once.`,
    realS: 8,
    run: async (stage) => {
      await stage.ready();
      const from = stage.wire.nowMs;
      const delays = await delaysUntil(
        stage,
        ({ length }) => length >= SAMPLES || stage.wire.nowMs - from >= SAMPLE_MS,
        1012,
      );
      const sorted = delays.toSorted((a, b) => a - b);
      const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0;
      const rangeMs = at(0.9) - at(0.1);
      expect(
        rangeMs >= MIN_RANGE_MS,
        `the middle 80 % of the delays differ by ${Math.round(rangeMs)} ms: ${list(delays)}`,
      );
    },
  },
  {
    id: "backoff-short-sessions",
    section: "Close codes",
    rule: "A session that soon ends counts as another failure.",
    hint: "Reset the delay after a session of ten seconds, not on connect or Ready.",
    realS: 10,
    run: async (stage) => {
      expectGrowth(await delaysUntil(stage, decides));
    },
  },
  {
    id: "backoff-reset-1012",
    section: "Close codes",
    rule: "A session that ends with 1012 resets the delay.",
    hint: "1012 is a restart of the gateway, not a failure: begin with up to 500 ms again.",
    realS: 7,
    run: async (stage) => {
      await failures(stage, 4);
      await expectReset(stage, [RESET_MS, RESET_MS, RESET_MS, RESET_MS], 1012);
    },
  },
  {
    id: "backoff-reset-lasted",
    section: "Close codes",
    rule: "A session that lasted ten seconds resets the delay.",
    hint: "After a session of ten seconds the next delay is at most 500 ms.",
    realS: 20,
    run: async (stage) => {
      const first = await failures(stage, 4);
      stage.sendHeartbeats();
      await stage.pause(LASTED_MS);
      expect(first.isReady, "the client left");
      // The limits of a correct client are 0.5, 1 and 2 s; without a reset, 16, 20 and 20 s.
      await expectReset(stage, [RESET_MS, RESET_MS + FIRST_MS, RESET_MS + 2 * FIRST_MS]);
    },
  },
  {
    id: "one-connection",
    section: "Writing a client",
    rule: "There are never two connections at once.",
    hint: "An error and a close are one end: reconnect once. Cancel the timer of the last attempt.",
    run: async (stage) => {
      await delaysUntil(stage, ({ length }) => length === 3);
      await stage.pause(1500);
      const { connections } = stage.wire;
      const twice = connections.find(({ openedAtMs, index }) =>
        connections.some((old) => old.index < index && (old.closedAtMs ?? Infinity) > openedAtMs)
      );
      expect(twice === undefined, `${twice?.id} opened while another was open`);
    },
  },
];
