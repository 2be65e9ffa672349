/**
 * Checks of tokens: refusals and renewal.
 *
 * @module
 */

import { Op } from "../../gateway/protocol/codes.ts";
import type { Stage } from "../stage.ts";
import type { Check } from "../check.ts";
import { expect, Skipped } from "../outcome.ts";
import type { Login } from "../setting.ts";

/** Life of a token that is to be renewed, in seconds. */
const SHORT_LIFE_S = 12;
/** A client must not have given up by then. */
const PATIENCE_MS = 15_000;
/** The rules of the protocol for giving up; the tolerance is for the client's own clock. */
const COUNTED_APART_MS = 15_000;
const MAX_REFUSALS = 5;
const FIRST_MINUTE_MS = 60_000;
const TOLERANCE_MS = 1000;
/** The longest delay between attempts, and some time to start. */
const LONGEST_MS = 22_000;
/** The fifth refusal of a correct client comes after at most 4 * (15 + 20) s. */
const GIVE_UP_MS = 145_000;
/** Nobody has to renew a token of `SHORT_LIFE_S` twice within that time. */
const RENEWED_MS = 2000;

const refused = (): Login => ({ token: { fault: "expired" } });

/** The times at which the gateway has closed with 4003. */
function refusals(stage: Stage): readonly number[] {
  return stage.wire.events.flatMap(({ event, text, atMs }) =>
    event === "close" && text.startsWith("4003") ? [atMs] : []
  );
}

/** The number of refusals so far that are far enough apart to count. */
function counted(times: readonly number[]): number {
  let count = 0;
  let last = -Infinity;
  for (const at of times) {
    if (at - last < COUNTED_APART_MS + TOLERANCE_MS / 2) continue;
    count += 1;
    last = at;
  }
  return count;
}

export const TOKENS: readonly Check[] = [
  {
    id: "same-token",
    section: "Close codes",
    rule: "The client reconnects with the token that it has, while that is valid.",
    hint:
      "Log in only without a token, after 4003, and before it expires: after a restart of the " +
      "gateway, all clients would log in at once.",
    run: async (stage) => {
      const first = await stage.ready();
      await stage.close(first, 1012);
      const { identify } = await stage.reconnected(first);
      const count = stage.logins.length;
      expect(count === 1, `the client logged in ${count} times`);
      expect(identify["token"] === first.identify?.["token"], "the token is another one");
    },
  },
  {
    id: "new-token-after-refusal",
    section: "Close codes",
    rule: "After 4003 at the start, the client gets a new token before it connects.",
    hint:
      "Drop a token that was refused, get another and connect again; one refusal does not end the client.",
    setting: { login: (count) => count === 1 ? refused() : {} },
    run: async (stage) => {
      const connection = await stage.ready();
      const [first, second] = stage.wire.connections;
      expect(stage.logins.length === 2, `the client logged in ${stage.logins.length} times`);
      expect(second === connection, "it connected more than twice");
      expect(first?.identify?.["token"] !== second.identify?.["token"], "the token is the same");
    },
  },
  {
    id: "new-token-after-4003",
    section: "Renewing the token",
    rule: "After a session that ends with 4003, the client gets a new token and comes back.",
    hint: "The token expired or was revoked, which is no reason to end: log in again.",
    run: async (stage) => {
      const first = await stage.ready();
      await stage.close(first, 4003);
      const { connection, identify } = await stage.reconnected(first, { after: "4003" });
      expect(identify["token"] !== first.identify?.["token"], "it came back with the same token");
      await stage.until("Ready", () => connection.ready);
    },
  },
  {
    id: "token-renewal",
    section: "Renewing the token",
    rule: "The client gets a new token before its own expires, and sends Identify again.",
    hint: "Renew after, say, four fifths of the token's life (exp - iat), on the open connection.",
    realS: SHORT_LIFE_S,
    setting: { login: () => ({ token: { expiresInS: SHORT_LIFE_S } }) },
    run: async (stage) => {
      const connection = await stage.ready();
      stage.runClock();
      stage.sendHeartbeats();
      const second = await stage.until(
        `Identify with a new token within the ${SHORT_LIFE_S} s that the first is valid`,
        () => connection.of(Op.Identify)[1] ?? (connection.isReady ? undefined : null),
        { withinMs: SHORT_LIFE_S * 1000 },
      );
      expect(second !== null, "the connection ended without a new Identify");
      expect(second["token"] !== connection.identify?.["token"], "the token is the same");
      await stage.pause(RENEWED_MS);
      expect(connection.isReady, "the client left after it renewed its token");
      const { readies } = stage.app;
      expect(readies <= 1, `it printed {"ready":true} ${readies} times, for one session`);
      const renewals = connection.of(Op.Identify).length - 1;
      expect(
        renewals === 1,
        `it renewed the token ${renewals} times within ${RENEWED_MS / 1000} s`,
      );
    },
  },
  {
    id: "refusals-first-minute",
    section: "Close codes",
    rule: "The client does not give up within the first minute of refusals.",
    hint:
      "Count a refusal only 15 s or more after the last one counted, and try again after at most 20 s.",
    realS: PATIENCE_MS / 1000 + 8,
    setting: { login: refused },
    run: async (stage) => {
      await stage.never("", () => false, PATIENCE_MS);
      const before = stage.wire.attempts.length;
      await stage.until(
        "another attempt",
        () => stage.wire.attempts.length > before || undefined,
        { withinMs: 2 * LONGEST_MS },
      );
    },
  },
  {
    id: "refusals-give-up",
    section: "Close codes",
    rule: "The client gives up at the fifth refusal, counting those that are 15 s apart.",
    hint:
      "Too early: count a refusal only 15 s or more after the last one counted. Too late: is the delay above 20 s, " +
      "or does the count start again?",
    realS: 95,
    setting: { login: refused },
    run: async (stage) => {
      const ended = () => stage.exitCode !== undefined || stage.app.ended.length > 0;
      const fifth = () => counted(refusals(stage)) >= MAX_REFUSALS;
      // Some clients neither exit nor print a line.
      const silent = () => stage.wire.nowMs - (stage.wire.events.at(-1)?.atMs ?? 0) > LONGEST_MS;
      const over = () => ended() || fifth() || silent() || undefined;
      await stage.until("the end", over, { withinMs: GIVE_UP_MS, mayExit: true });
      if (fifth() && !ended()) {
        const attempts = stage.wire.attempts.length;
        const came = () => stage.wire.attempts.length > attempts;
        await stage.never("the client connected after the fifth refusal", came, LONGEST_MS);
      }
      const times = refusals(stage);
      const afterMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
      if (afterMs < PATIENCE_MS) throw new Skipped("judged only if refusals-first-minute passes");
      expect(
        afterMs >= FIRST_MINUTE_MS - TOLERANCE_MS,
        `it gave up after ${Math.round(afterMs / 1000)} s`,
      );
    },
  },
];
