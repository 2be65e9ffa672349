/**
 * Checks of frames that are legal but odd.
 *
 * @module
 */

import type { Draft, Json } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/codes.ts";
import type { Stage } from "../stage.ts";
import type { Check } from "../check.ts";
import { expect } from "../outcome.ts";
import type { Frame } from "../frame.ts";
import { requireEcho } from "./require_echo.ts";
import { expectResumeFrom } from "./resume_from.ts";

/** In the sense of RFC 8701: fields that no version has, so that clients must ignore them. */
const UNKNOWN_FIELDS = {
  certify: null,
  "": [],
  __proto___: { op: Op.Hello },
  "\u{1f642}": { token: "none", ops: [0, 1, 2, 3] },
};
const UNKNOWN_OPS = [5, 9, 12, 99, 4000, -1];

/** The message with these contents are processed: the client resumes from each. */
function messages(
  check: Pick<Check, "id" | "rule" | "hint">,
  contents: readonly Json[],
  audience?: Partial<Draft>,
): Check {
  return {
    ...check,
    section: "Message (3)",
    run: async (stage) => {
      let connection = await stage.ready();
      for (const content of contents) {
        const id = await stage.publish(content, audience);
        const what = JSON.stringify(content).slice(0, 40);
        await stage.expectLine(id, what);
        connection = await expectResumeFrom(stage, connection, { id, after: `content ${what}` });
      }
    },
  };
}

/** One message, changed on its way. */
async function rewritten(
  stage: Stage,
  rewrite: (frame: Frame, text: string) => string,
): Promise<void> {
  const connection = await stage.ready();
  stage.wire.interference.rewrite = (frame, text) =>
    frame["op"] === Op.Message ? rewrite(frame, text) : text;
  const id = await stage.publish({ text: "Grüße 🙂" });
  await stage.expectLine(id, "that was changed on its way");
  await expectResumeFrom(stage, connection, { id, after: "that message" });
}

/** The same JSON with every character of its strings as an escape. */
function escaped(text: string): string {
  return text.replace(
    /"((?:[^"\\]|\\.)*)"/g,
    (_, inner: string) => `"${[...inner.split("")].map(escape).join("")}"`,
  );
}

function escape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

export const FRAMES: readonly Check[] = [
  {
    id: "unknown-fields",
    section: "Frames",
    rule: "Unknown fields in any frame are ignored.",
    hint: "Do not validate frames against a closed schema: later versions add fields.",
    run: async (stage) => {
      stage.wire.interference.rewrite = (frame) => JSON.stringify({ ...UNKNOWN_FIELDS, ...frame });
      const connection = await stage.ready();
      await stage.advance(45_000);
      await stage.until("an ACK", () => connection.of(Op.HeartbeatAck)[0], { withinMs: 5000 });
      const id = await stage.publish();
      await expectResumeFrom(stage, connection, { id, after: "a message with unknown fields" });
    },
  },
  {
    id: "unknown-ops",
    section: "Frames",
    rule: "Frames with an unknown `op` are ignored.",
    hint: "Skip a frame whose op you do not know, and stay connected: later versions add ops.",
    run: async (stage) => {
      const connection = await stage.ready();
      for (const op of UNKNOWN_OPS) connection.inject(JSON.stringify({ op, id: "none", time: 1 }));
      await stage.beat(connection, `{"op":10,"time":${2 ** 41}}`);
      const id = await stage.publish();
      await expectResumeFrom(stage, connection, { id, after: "frames with unknown ops" });
    },
  },
  {
    id: "odd-json",
    section: "Frames",
    rule: "Frames are parsed as JSON: white space, order, `1e1` and repeated keys are legal.",
    hint: "Use a JSON parser, not a regular expression, and compare op as a number.",
    run: async (stage) => {
      const connection = await stage.ready();
      await requireEcho(stage, connection);
      const ack = await stage.beat(connection, '\n{ "time" : 17e2 ,\t"op": 99, "op" : 1.0e1 }\n');
      expect(ack["time"] === 1700, `the ACK of 17e2 has the time ${ack["time"]}`);
    },
  },
  {
    id: "escaped-strings",
    section: "Malformed frames",
    rule: "Any character of a string may be an escape.",
    hint: "Use a JSON parser; an id is the string after its escapes are resolved.",
    run: (stage) => rewritten(stage, (_, text) => escaped(text)),
  },
  {
    id: "lone-surrogates",
    section: "Message (3)",
    rule: "A message whose content has a lone surrogate is a message.",
    hint:
      "Stay connected, and pass the message on. You may replace the surrogate, such as by U+FFFD.",
    run: (stage) => rewritten(stage, (_, text) => text.replace("Gr", "\\ud83d Gr")),
  },
  {
    id: "message-time",
    section: "Frames",
    rule: "The `time` of a message may be anything up to 2^53 - 1.",
    hint: "Use 64-bit integers or doubles; 32 bits overflow, and so may a date of your language.",
    run: (stage) =>
      rewritten(stage, (frame) => JSON.stringify({ ...frame, time: Number.MAX_SAFE_INTEGER })),
  },
  messages({
    id: "content-null",
    rule: "A message with `content: null` is a message.",
    hint: "content is any JSON: distinguish null from a missing field, or do not look at all.",
  }, [null]),
  messages({
    id: "content-types",
    rule: "`content` may be of any JSON type.",
    hint: "content is any JSON: a number, a boolean, a text or a list as well as an object.",
  }, [0, false, "", [[]]]),
  messages({
    id: "content-large",
    rule: "Messages of 64 KB arrive.",
    hint: "Raise the limit of your WebSocket library: 4096 bytes bind clients, not the server.",
  }, ["x".repeat(60_000)]),
  messages(
    {
      id: "no-channel",
      rule: "A message without `channel` is a message.",
      hint: "channel is absent on a message to one user or to everyone.",
    },
    ["to everyone"],
    {},
  ),
];
