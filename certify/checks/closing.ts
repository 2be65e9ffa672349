/**
 * Checks of close codes: after which a client reconnects, and after which it ends.
 *
 * @module
 */

import { CLOSE_WHEN, CloseCode, type CloseCodeName } from "../../gateway/protocol/codes.ts";
import type { Stage } from "../stage.ts";
import type { Check } from "../check.ts";
import { expect } from "../outcome.ts";
import type { Connection } from "../wire.ts";

/** Longer than a correct client waits after a first failure, or to print a line, on a busy machine. */
const SOON_MS = 5000;
/** The longest delay of the backoff, and some time to start. */
const LONGEST_MS = 22_000;
/** A delay above it is not one of the first two of the backoff, even on a busy machine. */
const LONG_MS = 4000;
/** Delays of up to 20 s are all below `LONG_MS` with a probability of (1/5)^8, which is 3 in a million. */
const MAX_LIMITED = 8;
/** An identify of more than 4096 bytes. */
const LONG = "x".repeat(5000);

/** Codes that the gateway never sends: one of RFC 6455, and one that a later version may use. */
const UNKNOWN = [1001, 4321];

/** Ends the session with `code`, or without one; the client must come back. */
async function expectReturn(
  stage: Stage,
  connection: Connection,
  code: number | undefined,
): Promise<Connection> {
  if (code === undefined) await stage.drop(connection);
  else await stage.close(connection, code);
  const after = code === undefined ? "a drop without a close frame" : `close code ${code}`;
  const { connection: next } = await stage.reconnected(connection, {
    after,
    // Not sooner: the delay is not what is judged.
    withinMs: LONGEST_MS,
  });
  await stage.until("Ready", () => next.ready);
  return next;
}

/** The client must not come back after `code`. */
async function expectEnd(stage: Stage, code: number): Promise<void> {
  const attempts = stage.wire.attempts.length;
  const came = () => stage.wire.attempts.length > attempts;
  await stage.never(`the client connected again after ${code}`, came, SOON_MS);
}

const HINTS: Partial<Readonly<Record<CloseCodeName, string>>> = {
  Disconnected: "The app's backend asked for it: leave it to the app to connect again.",
  Replaced: "A reconnect would close another connection of the user, which would do the same.",
};

/** One check for each code after which the client must end. */
const FINAL: readonly Check[] = Object.entries(CloseCode)
  .filter(([name, { reconnect }]) => !reconnect && name !== "IdentifyFailed")
  .map(([key, { code }]) => {
    const name = key as CloseCodeName;
    return {
      id: `close-${code}`,
      section: "Close codes",
      rule: `After ${code} (${CLOSE_WHEN[name]}) the client does not reconnect.`,
      hint: HINTS[name] ?? "It would happen again: tell the app, and report the bug of the client.",
      realS: SOON_MS / 1000,
      // A token that is too long is what a client can meet; the other codes are sent to it.
      ...(code === 1009
        ? {
          setting: {
            connection: { maxFrameBytes: 4096 },
            login: () => ({ token: { claims: { long: LONG } } }),
          },
          run: async (stage: Stage) => {
            const closed = () =>
              stage.wire.connections.find(({ closedAtMs }) => closedAtMs !== undefined);
            // A correct client may have exited before the gateway hears of its close.
            const what = "Identify with a token that is too long";
            await stage.until(what, closed, { mayExit: true });
            await expectEnd(stage, code);
          },
        }
        : {
          run: async (stage: Stage) => {
            await stage.close(await stage.ready(), code);
            await expectEnd(stage, code);
          },
        }),
    };
  });

/** One check for each code after which the client comes back as after a lost network. */
const TEMPORARY: readonly Check[] = [1011, 1012, 4002, 4004, 4009].map((code) => ({
  id: `close-${code}`,
  section: "Close codes",
  rule: `After ${code} the client reconnects.`,
  hint: "It is temporary: reconnect as after a lost network.",
  run: async (stage) => {
    await expectReturn(stage, await stage.ready(), code);
  },
}));

export const CLOSING: readonly Check[] = [
  ...TEMPORARY,
  {
    id: "close-1013",
    section: "Close codes",
    rule: "After 1013, which comes before Hello, the client tries again.",
    hint: "The gateway has its limit of connections. Do not wait for Hello, but for the close.",
    run: async (stage) => {
      const first = await stage.ready();
      stage.refuse = { code: 1013 };
      await stage.drop(first);
      const refused = await stage.until("a new connection, and its end", () => {
        const last = stage.wire.connections.at(-1);
        return last === first || last?.closedAtMs === undefined ? undefined : last;
      });
      stage.refuse = undefined;
      // That connection may have an Identify, too: a client need not wait for Hello.
      await stage.reconnected(refused, { after: "1013" });
    },
  },
  {
    id: "close-4008",
    section: "Rate limit",
    rule: "After 4008 the client reconnects, with the longest delay.",
    hint: "Set the limit of the random delay to its maximum of 20 s, and look for the bug.",
    realS: LONGEST_MS / 1000,
    run: async (stage) => {
      const delays: number[] = [];
      let connection = await stage.ready();
      while (delays.length < MAX_LIMITED && delays.every((ms) => ms <= LONG_MS)) {
        // 1012 resets the delay, so that a longer one is due to 4008.
        if (delays.length > 0) connection = await expectReturn(stage, connection, 1012);
        await stage.close(connection, 4008);
        const options = { withinMs: LONGEST_MS, after: "4008" };
        const { connection: next } = await stage.reconnected(connection, options);
        delays.push(next.openedAtMs - (connection.closedAtMs ?? 0));
        await stage.until("Ready", () => next.ready);
        connection = next;
      }
      const all = delays.map((ms) => `${Math.round(ms)} ms`).join(", ");
      expect(delays.some((ms) => ms > LONG_MS), `it came back after ${all}`);
    },
  },
  {
    id: "close-unknown",
    section: "Close codes",
    rule: "An unknown close code is treated like a dropped connection.",
    hint: "Reconnect after any code that the table does not name, such as 1001.",
    run: async (stage) => {
      let connection = await stage.ready();
      for (const code of UNKNOWN) connection = await expectReturn(stage, connection, code);
    },
  },
  {
    id: "close-dropped",
    section: "Close codes",
    rule: "After an end without a close frame (1005, 1006) the client reconnects.",
    hint:
      "Reconnect: the network or a proxy ended it. Some libraries report an error, not a close.",
    run: async (stage) => {
      await expectReturn(stage, await stage.ready(), undefined);
    },
  },
  ...FINAL,
  {
    id: "ended-told",
    section: "Close codes",
    rule: "The app learns that the client has ended for good, with the code.",
    hint: 'Print {"ended":"4010"}: only the app can say that the user was disconnected.',
    run: async (stage) => {
      const connection = await stage.ready();
      await stage.processed(await stage.publish());
      await stage.requireLines();
      await stage.close(connection, 4010);
      const said = () => stage.app.ended[0];
      const code = await stage.until("the line of the end", said, {
        withinMs: SOON_MS,
        mayExit: true,
      });
      expect(code === "4010", `the line of the end has the code ${code}; expected "4010"`);
    },
  },
];
