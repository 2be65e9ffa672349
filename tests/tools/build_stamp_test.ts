/**
 * The files that a build is made from: all of them, and no others.
 *
 * @module
 */

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { digestOf, filesBelow } from "../../tools/build_stamp.ts";
import { needs, testUnless } from "../permissions.ts";

const test = testUnless(needs("read", "write"));

function withFolder(run: (root: URL) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/page/views`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/page/main.ts`, "main");
    Deno.writeTextFileSync(`${folder}/page/views/view.ts`, "view");
    run(pathToFileURL(`${folder}/`));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

test("filesBelow() gives the files of a folder and of those in it, in order", () => {
  withFolder((root) => {
    Deno.writeTextFileSync(new URL("page/a%20%23b.ts", root), "odd name");
    const paths = filesBelow("page/", root);
    assert.deepEqual(paths, ["page/a%20%23b.ts", "page/main.ts", "page/views/view.ts"]);
    assert.match(digestOf(paths, root), /^[\da-f]{64}$/);
    assert.deepEqual(filesBelow("page/main.ts", root), ["page/main.ts"]);
  });
});

test("filesBelow() follows a link to a file, and leaves out one to a folder, nothing or itself", () => {
  withFolder((root) => {
    const link = (target: string, name: string) =>
      Deno.symlinkSync(target, new URL(`page/${name}`, root));
    link("main.ts", "again.ts");
    link("someone@machine.1234", ".%23main.ts");
    link(".", "round");
    link("loop", "loop");
    const paths = filesBelow("page/", root);
    assert.deepEqual(paths, ["page/again.ts", "page/main.ts", "page/views/view.ts"]);
    assert.match(digestOf(paths, root), /^[\da-f]{64}$/);
  });
});

test("digestOf() differs when a file is changed, renamed or missing", () => {
  withFolder((root) => {
    const paths = filesBelow("page/", root);
    const before = digestOf(paths, root);
    assert.equal(digestOf(paths, root), before);
    Deno.writeTextFileSync(new URL("page/main.ts", root), "Main");
    assert.notEqual(digestOf(paths, root), before);
    Deno.writeTextFileSync(new URL("page/main.ts", root), "main");
    Deno.renameSync(new URL("page/main.ts", root), new URL("page/other.ts", root));
    assert.notEqual(digestOf(filesBelow("page/", root), root), before);
    assert.throws(() => digestOf(paths, root), Deno.errors.NotFound);
  });
});
