/**
 * Runs `deno bundle` for browsers, and reports a failure in one line. Deno downloads the bundler from npm the
 * first time.
 *
 * @module
 */

import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { editSourceMap } from "./source_map.ts";

/** The project's folder. */
export const ROOT: URL = new URL("../", import.meta.url);

/** Only a comment, except the one that names the source map. */
const COMMENT = /^[ \t]*(?:\/\/(?!# sourceMappingURL)|\/\*\*|\*(?: |\/|$))/;

/** The bundler's own, at most once a line. */
const ANNOTATION = "/* @__PURE__ */ ";

/** The registry may not answer. */
const LIMIT_MS = 60_000;

export interface BundleOptions {
  /** The path of the module, from the project's folder. */
  readonly entry: string;
  /** The path of the file to write. */
  readonly output: string;
  /**
   * True to keep the code readable, for stack traces: not minified, and with a source map that holds the
   * project's files. Default: false.
   */
  readonly readable?: boolean;
  /** True to keep comments in readable code, which are half of its size. Default: false. */
  readonly comments?: boolean;
  /** More flags of `deno bundle`. */
  readonly flags?: readonly string[];
  /** The limit, in milliseconds. Default: 60,000. */
  readonly limitMs?: number;
}

/** @throws {Error} with the first line of the bundler's output */
export async function bundle(
  { entry, output, readable = false, comments = false, flags = [], limitMs = LIMIT_MS }:
    BundleOptions,
): Promise<void> {
  const signal = AbortSignal.timeout(limitMs);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform", "browser", ...flags],
      ...[readable ? "--sourcemap=linked" : "--minify", "--output", output, entry],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
    signal,
  }).output();
  if (success) return readable ? finish(resolve(fileURLToPath(ROOT), output), comments) : undefined;
  if (signal.aborted) {
    const limit = `${limitMs / 1000} s`;
    throw new Error(`deno bundle, which comes from the npm registry, was not done in ${limit}`);
  }
  const said = new TextDecoder().decode(stderr).split("\n").find((line) => line.trim() !== "");
  throw new Error(said?.trim().replace(/^error: /, "") ?? "deno bundle did not end well");
}

/** Removes what is not code, and from the source map all that is not the project's. */
function finish(file: string, comments: boolean): void {
  const lines = Deno.readTextFileSync(file).split("\n");
  const isKept = (line: string) => comments || !COMMENT.test(line);
  const kept = lines.filter(isKept).map((line) => line.replace(ANNOTATION, ""));
  const root = fileURLToPath(ROOT);
  const map = editSourceMap(JSON.parse(Deno.readTextFileSync(`${file}.map`)), {
    move: (line, column) => {
      const code = lines[line] ?? "";
      const mark = code.indexOf(ANNOTATION);
      if (!isKept(code)) return undefined;
      return mark >= 0 && column > mark ? column - ANNOTATION.length : column;
    },
    rename: (source) => {
      const path = relative(root, resolve(dirname(file), source));
      return path.startsWith("..") ? undefined : path;
    },
  });
  Deno.writeTextFileSync(`${file}.map`, JSON.stringify(map));
  Deno.writeTextFileSync(file, kept.join("\n"));
}
