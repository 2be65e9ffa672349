/**
 * The console's files: all are read, or none and one line is logged.
 *
 * @module
 */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { readConsoleFiles } from "../../gateway/runtime/assets.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { needs, testUnless } from "../permissions.ts";

const test = testUnless(needs("read", "write"));

async function withFolder(run: (folder: URL) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(pathToFileURL(`${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

test("readConsoleFiles() gives every file by its name", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(new URL("a.html", folder), "the page");
    await Deno.writeTextFile(new URL("b.js", folder), "the script");
    const logger = new FakeLogger();
    const files = await readConsoleFiles(["a.html", "b.js"], { logger, folder });
    assert.deepEqual([...files], [["a.html", "the page"], ["b.js", "the script"]]);
    assert.deepEqual(logger.lines, []);
  });
});

test("readConsoleFiles() gives none and says so once when one is missing", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(new URL("a.html", folder), "the page");
    const logger = new FakeLogger();
    const files = await readConsoleFiles(["a.html", "b.js", "c.css"], { logger, folder });
    assert.equal(files.size, 0);
    assert.equal(logger.lines.length, 1);
    assert.match(logger.lines[0]!.message, /deno task build:console/);
  });
});
