/**
 * The console's page and its scripts: the elements that they look for exist, and nothing that its policy refuses.
 *
 * @module
 */

import assert from "node:assert/strict";
import { needs, testUnless } from "../permissions.ts";

const UNREAD = needs("read");
const test = testUnless(UNREAD);

const CONSOLE = new URL("../../console/", import.meta.url);
const HTML = UNREAD === undefined ? Deno.readTextFileSync(new URL("index.html", CONSOLE)) : "";

function scripts(folder: URL): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return scripts(new URL(`${name}/`, folder));
    return name.endsWith(".ts") ? [Deno.readTextFileSync(new URL(name, folder))] : [];
  });
}

test("every element that the console's scripts look for is in its page, once", () => {
  const wanted = new Set(
    scripts(CONSOLE).flatMap((text) =>
      [...text.matchAll(/byId\(\s*"([^"]+)"/g)].map(([, id]) => id)
    ),
  );
  assert.ok(wanted.size > 50, `${wanted.size} ids are looked for`);
  const ids = [...HTML.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length, "no id comes twice");
  assert.deepEqual([...wanted].filter((id) => !ids.includes(id)), []);
});

test("every id that the console's page refers to exists", () => {
  const references = HTML.matchAll(
    /\s(?:aria-labelledby|aria-describedby)="([^"]+)"|href="#([^"]+)"/g,
  );
  const missing = [...references].map(([, aria, link]) => aria ?? link).filter((id) =>
    !HTML.includes(` id="${id}"`)
  );
  assert.deepEqual(missing, []);
});

test("the console's page has no script and no style of its own, and refers only to what is beside it", () => {
  assert.doesNotMatch(HTML, /<script(?![^>]*\ssrc=")/);
  assert.doesNotMatch(HTML, /<style|\sstyle=|\son[a-z]+=/);
  // Nor to the root of its host, which belongs to another if a proxy serves the page under a prefix.
  assert.doesNotMatch(HTML, /(?:src|href|action)="(?:[a-z]+:|\/)/i);
});

test("no word is a state of the client and one of the session", () => {
  const texts = (pattern: RegExp): readonly string[] =>
    [...HTML.matchAll(pattern)].flatMap(([, text = ""]) =>
      text.replaceAll(/<[^>]*>/g, " ").split(/[\s,]+/).filter((word) => word !== "")
    );
  const client = texts(/<li data-state="[a-z]+">([^<]*)<\/li>/g);
  const session = texts(/<g class="state"[^>]*>(.*?)<\/g>/gs);
  assert.ok(client.includes("connected") && session.includes("ready"), `${client}; ${session}`);
  assert.deepEqual(client.filter((word) => session.includes(word)), []);
});
