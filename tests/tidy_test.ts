/**
 * Tidiness: rules on the source text. Imports, globals, size, comments, tasks and documents.
 *
 * @module
 */

import assert from "node:assert/strict";
import { staleDocuments } from "../tools/docs.ts";
import { needs, testUnless } from "./permissions.ts";
import { cycles } from "./tidy/cycles.ts";
import { riddles } from "./tidy/comments.ts";
import { bannedNames, FREE, isBannedModule } from "./tidy/globals.ts";
import { faultOfImport, layerOf } from "./tidy/layers.ts";
import { looseTypes } from "./tidy/loose_types.ts";
import { read, ROOT, type Source, sources, walk } from "./tidy/sources.ts";

const UNREAD = needs("read");
const test = testUnless(UNREAD);

const FILES = UNREAD === undefined ? walk() : [];
const SOURCES = UNREAD === undefined ? sources() : [];
const MAX_LINES = 400;

/** Asserts that no file has a fault; `faultsOf` returns those of one. */
function assertTidy(faultsOf: (source: Source) => readonly string[]): void {
  const faults = SOURCES.flatMap((source) => faultsOf(source).map((f) => `${source.path}: ${f}`));
  assert.deepEqual(faults, []);
}

const isTest = (path: string) => path.startsWith("tests/");
const isFree = (path: string) => FREE.some((pattern) => pattern.test(path));

test("every source file belongs to a layer", () => {
  assertTidy(({ path }) => layerOf(path) === undefined ? ["in no layer"] : []);
});

test("imports point one way, and libraries stay where they belong", () => {
  assertTidy(({ path, imports }) => imports.flatMap((target) => faultOfImport(path, target) ?? []));
});

test("no files import each other in a cycle, not even types", () => {
  assert.deepEqual(cycles(new Map(SOURCES.map(({ path, imports }) => [path, imports]))), []);
});

test("specifiers are relative paths, node: modules or names of deno.json", () => {
  const { imports, scopes } = JSON.parse(read("deno.json"));
  const namesFor = (path: string) => [
    ...Object.keys(imports),
    ...Object.entries<object>(scopes).flatMap(([folder, own]) =>
      `./${path}`.startsWith(folder) ? Object.keys(own) : []
    ),
  ];
  assertTidy(({ path, imports: targets }) =>
    targets.filter((target) =>
      !target.includes(".ts") && !target.startsWith("node:") && target !== "deno.json" &&
      !namesFor(path).some((name) => target === name || target.startsWith(`${name}/`))
    )
  );
});

test("time, randomness and the process are touched in gateway/runtime/ only", () => {
  assertTidy(({ path, code, imports }) => {
    if (isFree(path)) return [];
    return [...bannedNames(code), ...imports.filter((target) => isBannedModule(path, target))];
  });
});

test("no source file is longer than 400 lines", () => {
  assertTidy(({ text }) => {
    const lines = text.trimEnd().split("\n").length;
    return lines > MAX_LINES ? [`${lines} lines`] : [];
  });
});

test("every source file opens by saying what it owns", () => {
  assertTidy(({ text }) =>
    /^(?:#![^\n]*\n)?\/\*\*\n \* [^]*?@module\n \*\//.test(text) ? [] : ["has no module paragraph"]
  );
});

test("no comment begins with What, Where, Who or Whether", () => {
  assertTidy(({ text }) => riddles(text));
});

test("no `any` and no non-null assertion outside tests", () => {
  assertTidy(({ path, code }) => isTest(path) ? [] : looseTypes(code));
});

test("every source file is reached from main.ts, a test, a tool, a task or an export", () => {
  const config = JSON.parse(read("deno.json"));
  const byPath = new Map(SOURCES.map((source) => [source.path, source]));
  const exported = Object.values<string>(config.exports).map((path) => path.replace("./", ""));
  const named = SOURCES.filter(({ path }) =>
    /^(?:main\.ts|tools\/|bench\/|examples\/|console\/main\.ts)|_test\.ts$|^client\/mod\.ts$/.test(
      path,
    )
  ).map(({ path }) => path);
  const run = SOURCES.map(({ path }) => path).filter((path) =>
    Object.values<{ command: string }>(config.tasks).some(({ command }) => command.includes(path))
  );
  const reached = new Set([...exported, ...named, ...run]);
  for (const path of reached) {
    for (const target of byPath.get(path)?.imports ?? []) reached.add(target);
  }
  assertTidy(({ path }) => reached.has(path) ? [] : ["is reached by nothing"]);
});

test("the generated parts of the documents are fresh", () => {
  assert.deepEqual([...staleDocuments(ROOT).keys()], [], 'stale: run "deno task docs"');
});

test("tasks name the permissions that they need", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  for (const [name, task] of Object.entries<string | { command: string }>(tasks)) {
    const command = typeof task === "string" ? task : task.command;
    assert.doesNotMatch(command, /\s-\w*A\b|--allow-all/, `task ${name}`);
    assert.doesNotMatch(command, /^deno (?:run|test)(?!.*--no-prompt)/, `task ${name} may prompt`);
  }
});

test("nothing names a path of somebody's machine", () => {
  const documents = FILES.filter((path) => path.endsWith(".md"));
  assert(documents.includes("README.md") && documents.includes("docs/protocol.md"));
  for (const path of [...documents, ...SOURCES.map(({ path }) => path)]) {
    assert.doesNotMatch(read(path), /(?:^|[\s`"'(=])\/(?:work|home|root|Users)\//m, path);
  }
});

test("documents and the console name the version of Deno that CI runs", () => {
  const [, version] = /^deno_version=(\S+)$/m.exec(read(".ci/run")) ?? [];
  for (const path of FILES.filter((path) => /\.(?:md|html)$/.test(path))) {
    const named = [...read(path).matchAll(/deno@([\d.]*\d)/g)].map(([, name]) => name);
    assert.deepEqual(named.filter((name) => name !== version), [], path);
  }
});

test("CONTRIBUTING.md names source files that exist", () => {
  const named = [...read("CONTRIBUTING.md").matchAll(/`\/?([\w./-]+\.ts)`/g)]
    .map(([, name = ""]) => name);
  assert.deepEqual(named.filter((name) => !FILES.some((f) => `/${f}`.endsWith(`/${name}`))), []);
});

test("links between documents lead to files and headings that exist", () => {
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
      (title ?? "").toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
    );
  for (const path of FILES.filter((path) => path.endsWith(".md"))) {
    const text = read(path).replace(/```[^]*?```/g, "");
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (link === undefined || /^[a-z]+:/.test(link)) continue;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : new URL(file, `file:///${path}`).pathname.slice(1);
      assert(FILES.includes(target), `${path} links to ${link}`);
      if (anchor !== undefined && target.endsWith(".md")) {
        assert(anchors(read(target)).includes(anchor), `${path} links to ${link}`);
      }
    }
  }
});
