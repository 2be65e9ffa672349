/**
 * Dependencies: exact versions, and a start that downloads only what it runs. Before it runs anything, `deno
 * task` downloads what `imports` of deno.json and deno.lock name. So packages that only tests use are in
 * `scopes` and tests/deno.lock.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { needs, testUnless } from "../permissions.ts";
import { read, ROOT, sources } from "./sources.ts";

const UNREAD = needs("read");
const test = testUnless(UNREAD);

type Specifiers = Readonly<Record<string, string>>;

interface Lock {
  /** The version of each specifier, with the versions of its peers. */
  readonly specifiers: Specifiers;
  readonly npm: Readonly<
    Record<string, { readonly integrity: string; readonly dependencies?: readonly string[] }>
  >;
}

const { imports, scopes, tasks }: {
  imports: Specifiers;
  scopes: Readonly<Record<string, Specifiers>>;
  tasks: Readonly<Record<string, { command: string }>>;
} = UNREAD === undefined ? JSON.parse(read("deno.json")) : { imports: {}, scopes: {}, tasks: {} };

/** The entry points of `start` and of the build of the console, which it runs first. */
const START = ["main.ts", "tools/build_console.ts", "console/main.ts"];

/** The libraries that the modules at `paths` load, directly or indirectly. */
function librariesOf(paths: readonly string[]): readonly string[] {
  const byPath = new Map(sources().map((source) => [source.path, source]));
  const loaded = new Set(paths);
  for (const path of loaded) {
    for (const target of byPath.get(path)?.imports ?? []) loaded.add(target);
  }
  const bare = [...loaded].filter((target) => !byPath.has(target) && target !== "deno.json");
  const names = bare.filter((target) => !target.startsWith("node:"))
    .map((target) => target.split("/").slice(0, target.startsWith("@") ? 2 : 1).join("/"));
  return [...new Set(names)].sort();
}

/** The name of the package in `specifier`. */
function nameOf(specifier: string): string {
  return specifier.replace(/^npm:(.+)@.*$/, "$1");
}

function packagesOf(lock: Lock, specifiers: readonly string[]): Specifiers {
  const all = Object.keys(lock.npm);
  const found = new Set(
    specifiers.map((specifier) => `${nameOf(specifier)}@${lock.specifiers[specifier]}`),
  );
  for (const key of found) {
    for (const name of lock.npm[key]?.dependencies ?? []) {
      found.add(all.find((other) => other === name || other.startsWith(`${name}@`)) ?? name);
    }
  }
  return Object.fromEntries([...found].sort().map((key) => [key, lock.npm[key]?.integrity ?? ""]));
}

/** deno.lock as staged in Git, because a plain `deno test` adds downloads to the file. */
function stagedLock(): Lock {
  try {
    const cwd = fileURLToPath(ROOT);
    const git = new Deno.Command("git", { args: ["show", ":deno.lock"], cwd }).outputSync();
    if (git.success) return JSON.parse(new TextDecoder().decode(git.stdout));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return JSON.parse(read("deno.lock"));
}

test("dependencies come from npm, at exact versions, each named once", () => {
  const all = [imports, ...Object.values(scopes)];
  for (const specifiers of all) {
    for (const [name, specifier] of Object.entries(specifiers)) {
      assert.match(specifier, /^npm:(?:@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/, name);
    }
    assert.deepEqual(Object.keys(specifiers), Object.keys(specifiers).toSorted(), "in order");
  }
  const names = all.flatMap(Object.keys);
  assert.equal(new Set(names).size, names.length);
});

test("the libraries of a start are the imports of deno.json, and no other is", () => {
  assert.deepEqual(librariesOf(START), Object.keys(imports));
});

testUnless(needs("read", "run"))("deno.lock holds nothing that only tests use", () => {
  const names = Object.values(scopes).flatMap(Object.keys);
  const found = Object.keys(stagedLock().specifiers).filter((specifier) =>
    names.includes(nameOf(specifier))
  );
  assert.deepEqual(found, [], "stage a deno.lock without them");
});

test("the tests run the packages that a start runs", () => {
  const [started, tested]: Lock[] = ["deno.lock", "tests/deno.lock"].map((path) =>
    JSON.parse(read(path))
  );
  assert(started !== undefined && tested !== undefined);
  const specifiers = Object.values(imports);
  assert.deepEqual(packagesOf(tested, specifiers), packagesOf(started, specifiers));
});

test("tasks that load tests lock what they load in tests/deno.lock", () => {
  for (const [name, { command }] of Object.entries(tasks)) {
    for (const part of command.split(" && ")) {
      if (!/deno (?:test|check)\b|deno run .*\stests\//.test(part)) continue;
      assert.match(part, / --lock=tests\/deno\.lock /, `task ${name}`);
    }
  }
});
