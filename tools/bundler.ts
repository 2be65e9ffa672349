/**
 * `deno bundle`, for the tools that build something for browsers: quiet when it works, and one line when it
 * does not. Deno takes the bundler itself from npm the first time.
 *
 * @module
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the project. */
export const ROOT: URL = new URL("../", import.meta.url);

/** A registry that does not answer must not hold anybody up for ever. */
const LIMIT_MS = 60_000;

/** What to bundle. */
export interface BundleOptions {
  /** Path of the module, from the root of the project. */
  readonly entry: string;
  /** Path of the file to write. */
  readonly output: string;
  /**
   * Whether people are to read the code, as in a stack trace that shows the line of an error: not minified, and
   * without comments. Minified unless told.
   */
  readonly readable?: boolean;
  /** What else `deno bundle` is to be told. */
  readonly flags?: readonly string[];
  /** How long it may take, in milliseconds, before it is ended; 60,000 unless given. */
  readonly limitMs?: number;
}

/** Bundles one module for browsers. @throws {Error} with the first line of what the bundler says */
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

/** Takes the lines out that are a comment and nothing else: half of the code's size. */
function dropComments(path: string): void {
  const file = resolve(fileURLToPath(ROOT), path);
  const code = Deno.readTextFileSync(file);
  Deno.writeTextFileSync(file, code.replace(/^[ \t]*(?:\/\/|\/\*\*|\*(?: |\/|$)).*\n/gm, ""));
}
