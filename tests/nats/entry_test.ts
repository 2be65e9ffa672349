/**
 * The format of an entry: every entry decodes to what was encoded, and bytes of another program to nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeEntry, encodeEntry, type LogEntry } from "../../gateway/log/jetstream/entry.ts";

const DRAFT = { author: "a", content: null };
const TARGET = { user: "ann", channel: "café", reply: "r" };

const ENTRIES: Readonly<Record<string, LogEntry>> = {
  "of no messages": { time: 1, drafts: [] },
  "of one message to each audience": {
    time: 1.5,
    drafts: [DRAFT, { ...DRAFT, channel: "" }, { ...DRAFT, user: "ann" }],
  },
  "of 1,000 messages": { time: 1, drafts: Array(1000).fill(DRAFT) },
  "with a digest": { time: 1, drafts: [DRAFT], digest: "d" },
  "of a join": { time: 1, drafts: [], command: { do: "join", ...TARGET } },
  "of a leave": { time: 1, drafts: [], command: { do: "leave", ...TARGET } },
  "of a disconnect": { time: 1, drafts: [], command: { do: "disconnect", user: "a", reply: "r" } },
};

for (const [name, entry] of Object.entries(ENTRIES)) {
  Deno.test(`decodeEntry() reads an entry ${name}`, () => {
    assert.deepEqual(decodeEntry(encodeEntry(entry)), entry);
  });
}

const MANY = JSON.stringify(Array(1001).fill(["a", 1]));

const FOREIGN: readonly string[] = [
  "",
  "not JSON",
  "null",
  '{"time":1}',
  "[]",
  '["1",[]]',
  "[1]",
  "[1,{}]",
  `[1,${MANY}]`,
  "[1,[null]]",
  '[1,["a"]]',
  '[1,[["a"]]]',
  '[1,[[7,"content"]]]',
  "[1,[],null,null]",
  "[1,[],null,[]]",
  '[1,[],null,"join"]',
  '[1,[],null,{"do":"disconnect","reply":"r"}]',
  '[1,[],null,{"do":"disconnect","user":"","reply":"r"}]',
  '[1,[],null,{"do":"disconnect","user":"ann"}]',
  '[1,[],null,{"do":"ban","user":"ann","channel":"c","reply":"r"}]',
  '[1,[],null,{"do":"join","user":"ann","reply":"r"}]',
  '[1,[],null,{"do":"leave","user":"ann","channel":7,"reply":"r"}]',
];

for (const text of FOREIGN) {
  Deno.test(`decodeEntry() refuses ${text.slice(0, 60) || "nothing"}`, () => {
    assert.equal(decodeEntry(new TextEncoder().encode(text)), undefined);
  });
}

Deno.test("decodeEntry() refuses bytes that are no text", () => {
  assert.equal(decodeEntry(new Uint8Array([0xff, 0x00, 0x5b])), undefined);
});
