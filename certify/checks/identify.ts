/**
 * Checks of the start of a session.
 *
 * @module
 */

import type { Check } from "../check.ts";
import { expect } from "../outcome.ts";
import { MAX_FRAME_BYTES } from "../setting.ts";

/** Less than the gateway's default of 10 s, which an operator may set as low as 1 s. */
const IDENTIFY_MS = 2000;
const SLOW_LOGIN_MS = 4000;
const PUBLISHED_LIMIT = 4096;
/** The codes that RFC 6455 has for ends without a code. */
const CODELESS = new Map([[1005, "a close frame without a code"], [1006, "no close frame"]]);

/** Without it, nothing else can be judged. */
export const SESSION: Check = {
  id: "session",
  section: "In short",
  rule: "The client logs in, connects, and identifies.",
  hint:
    'POST {"user": GATEWAY_USER, "password": "any"} to GATEWAY_LOGIN_URL, connect to GATEWAY_URL, ' +
    'and send {"op":1,"token":…} with the token of the answer.',
  run: async (stage) => {
    await stage.ready();
  },
};

export const IDENTIFY: readonly Check[] = [
  SESSION,
  {
    id: "first-identify",
    section: "Identify (1)",
    rule: "A client that starts sends Identify with its token and without `last_id`.",
    hint: "Omit last_id when there is none; null is malformed, and any text asks to resume.",
    run: async (stage) => {
      const { identify } = await stage.ready();
      const [login] = stage.logins;
      expect(identify?.["token"] === login?.token, "the token is not the one of the login");
      expect(!Object.hasOwn(identify ?? {}, "last_id"), "the first Identify has a last_id");
    },
  },
  {
    id: "identify-in-time",
    section: "Identify",
    rule: "Identify follows the opening of the WebSocket at once, even if the login is slow.",
    hint: "Get the token first, then connect: a connection without Identify is closed with 4004.",
    realS: SLOW_LOGIN_MS / 1000,
    setting: { login: () => ({ delayMs: SLOW_LOGIN_MS }) },
    run: async (stage) => {
      const connection = await stage.ready();
      const [identify] = connection.received;
      const tookMs = (identify?.atMs ?? 0) - connection.openedAtMs;
      expect(tookMs < IDENTIFY_MS, `Identify came ${Math.round(tookMs)} ms after the opening`);
    },
  },
  {
    id: "token-not-in-url",
    section: "Transport",
    rule: "The token travels in Identify only, and the handshake has no query or subprotocol.",
    hint: "URLs and headers end up in logs of proxies. Send the token in Identify.",
    run: async (stage) => {
      const first = await stage.ready();
      await stage.close(first, 1012);
      await stage.reconnected(first);
      const { attempts } = stage.wire;
      for (const { target, headers } of attempts) {
        expect(target === "/gateway", `the handshake asks for ${target}`);
        expect(!headers.has("sec-websocket-protocol"), "the handshake asks for a subprotocol");
        const leaks = [...headers].find(([, value]) =>
          stage.logins.some(({ token }) => value.includes(token))
        );
        expect(leaks === undefined, `the header ${leaks?.[0]} has the token`);
      }
    },
  },
  {
    id: "token-not-logged",
    section: "Writing a client",
    rule: "No token appears in what the client prints.",
    hint: "Log frames without the token of Identify, and URLs without credentials.",
    run: async (stage) => {
      const first = await stage.ready();
      await stage.close(first, 1012);
      const { connection } = await stage.reconnected(first);
      await stage.close(connection, 4010);
      await stage.pause(300);
      expect(!stage.output.hasToken, "a line on standard output or standard error has a token");
    },
  },
  {
    id: "frame-size",
    section: "Malformed frames",
    rule: `No frame is longer than ${PUBLISHED_LIMIT} bytes.`,
    hint: "Identify needs only the token and last_id. The gateway closes longer frames with 1009.",
    run: async (stage) => {
      const first = await stage.ready();
      await stage.advance(90_000);
      await stage.processed(await stage.publish());
      await stage.close(first, 1012);
      await stage.reconnected(first);
      for (const { received, violation } of stage.wire.connections) {
        expect(violation !== 1009, `a frame has more than ${MAX_FRAME_BYTES} bytes`);
        const bytes = Math.max(0, ...received.map((frame) => frame.bytes));
        expect(bytes <= PUBLISHED_LIMIT, `a frame has ${bytes} bytes`);
      }
    },
  },
  {
    id: "frame-rate",
    section: "Rate limit",
    rule: "The client sends far fewer than 120 frames a minute.",
    hint: "One heartbeat and one ACK for each heartbeat_interval are enough.",
    realS: 8,
    setting: { connection: { heartbeatIntervalMs: 4000 } },
    run: async (stage) => {
      const connection = await stage.ready();
      stage.runClock();
      await stage.pause(8000);
      const counts = new Map<string, number>();
      for (const { op } of connection.received) {
        counts.set(String(op), (counts.get(String(op)) ?? 0) + 1);
      }
      const ops = [...counts].map(([op, count]) => `${count} with op ${op}`).join(", ");
      const sent = connection.received.length + connection.controls;
      // Two ACKs, three heartbeats and Identify are 6.
      expect(
        sent <= 16,
        `${sent} frames in 8 s, with heartbeats due every 4 s: ${connection.controls} pings, ${ops}`,
      );
    },
  },
  {
    id: "closes-cleanly",
    section: "Close codes",
    rule: "A client that leaves closes with 1000, and its process ends.",
    hint: "On SIGTERM, close the WebSocket with 1000, wait for it a moment, and exit.",
    run: async (stage) => {
      const connection = await stage.ready();
      // A frame that arrives together with SIGTERM would make the result a matter of chance.
      await stage.processed(await stage.publish());
      stage.terminateClient();
      const closed = () => connection.closedAtMs;
      await stage.until("a close frame after SIGTERM", closed, { withinMs: 5000, mayExit: true });
      const { closeCode: code = 1006 } = connection;
      const how = CODELESS.get(code) ?? String(code);
      expect(code === 1000, `the client left with ${how}`);
      const exited = () => stage.exitCode;
      await stage.until("the end of the process", exited, { withinMs: 5000, mayExit: true });
      expect(stage.wire.attempts.length === 1, "it connected again");
    },
  },
];
