/**
 * Runs `deno bundle` for browsers, and reports a failure in one line. Deno downloads the bundler from npm the
 * first time.
 *
 * @module
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT: URL = new URL("../", import.meta.url);

/** The registry may not answer. */
const LIMIT_MS = 60_000;

export interface BundleOptions {
  /** The path of the module, from the project's folder. */
  readonly entry: string;
  /** The path of the file to write. */
  readonly output: string;
  /**
   * True to keep the code readable, for stack traces: not minified, and without comments. Default: false.
   */
  readonly readable?: boolean;
  /** More flags of `deno bundle`. */
  readonly flags?: readonly string[];
  /** The limit, in milliseconds. Default: 60,000. */
  readonly limitMs?: number;
}

/** @throws {Error} with the first line of the bundler's output */
export async function bundle(
  { entry, output, readable = false, flags = [], limitMs = LIMIT_MS }: BundleOptions,
): Promise<void> {
  const signal = AbortSignal.timeout(limitMs);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform", "browser", ...readable ? [] : ["--minify"], ...flags],
      ...["--output", output, entry],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
    signal,
  }).output();
  if (success) return readable ? dropComments(output) : undefined;
  if (signal.aborted) {
    const limit = `${limitMs / 1000} s`;
    throw new Error(`deno bundle, which comes from the npm registry, was not done in ${limit}`);
  }
  const said = new TextDecoder().decode(stderr).split("\n").find((line) => line.trim() !== "");
  throw new Error(said?.trim().replace(/^error: /, "") ?? "deno bundle did not end well");
}

/** Removes lines that hold only a comment, half of the code's size, and the bundler's marks inside of lines. */
function dropComments(path: string): void {
  const file = resolve(fileURLToPath(ROOT), path);
  const code = Deno.readTextFileSync(file);
  const lines = code.replace(/^[ \t]*(?:\/\/|\/\*\*|\*(?: |\/|$)).*\n/gm, "");
  Deno.writeTextFileSync(file, lines.replaceAll("/* @__PURE__ */ ", ""));
}
