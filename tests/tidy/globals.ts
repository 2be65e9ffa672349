/**
 * The globals that only `gateway/runtime/` may use: time, randomness, the process and the console. Everything
 * else receives them, so a test can run the gateway on its own clock.
 *
 * @module
 */

/** The paths that may use the globals. */
export const FREE: readonly RegExp[] = [
  /^gateway\/runtime\//,
  /^main\.ts$/,
  /^commands\//,
  /^tools\//,
  /^bench\//,
  /^tests\//,
  /^console\//,
  /^examples\//,
  // Fake timers are found by the global that they replace.
  /^mock\/gateway\/fake_timers\.ts$/,
  // The globals of a page, and a limit in real time for its answers.
  /^mock\/fixtures\/page_/,
  // The only place of the client that has them as defaults.
  /^client\/runtime\.ts$/,
  // The only place of the judge that starts processes.
  /^certify\/process\.ts$/,
];

const BANNED: readonly RegExp[] = [
  /\bDate\.now\b/g,
  // A date of an argument is only a value.
  /\bnew Date\b(?!\s*\(\s*[^)\s])/g,
  /\bMath\.random\b/g,
  /\bcrypto\.(?:randomUUID|getRandomValues)\b/g,
  /\b(?:performance|console|Deno)\s*\??\./g,
  /\bDeno\[/g,
  /\b(?:setTimeout|setInterval|globalThis)\b/g,
];

const BANNED_MODULES =
  /^node:(?:timers|perf_hooks|process|child_process|worker_threads|fs|os|net|http|https)(?:\/|$)/;

const EXCEPTIONS: readonly (readonly [path: string, module: string])[] = [
  // To let promises settle between two timers, not to measure time.
  ["mock/doubles/clock.ts", "node:timers"],
  ["mock/gateway/pending_tasks.ts", "node:timers"],
  // The files of the log, for facts that node:sqlite does not report.
  ["gateway/log/sqlite/schema.ts", "node:fs"],
  ["gateway/log/sqlite/files.ts", "node:fs"],
  ["gateway/log/sqlite/wal.ts", "node:fs"],
  // For `isIP`, which is pure.
  ["gateway/config/parse.ts", "node:net"],
  ["gateway/config/values.ts", "node:net"],
];

/** The banned names in `code`, which is free of comments and strings, with their lines. */
export function bannedNames(code: string): readonly string[] {
  return BANNED.flatMap((pattern) =>
    [...code.matchAll(pattern)].flatMap(({ 0: name, index }) => {
      // A member of another object with the same name.
      if (/[.#$]\s*$/.test(code.slice(Math.max(0, index - 3), index))) return [];
      const line = code.slice(0, index).split("\n").length;
      return [`${line}: ${name}`];
    })
  );
}

/** True if the file at `path` may not import `module`. */
export function isBannedModule(path: string, module: string): boolean {
  return BANNED_MODULES.test(module) &&
    !EXCEPTIONS.some(([file, allowed]) => file === path && allowed === module);
}
