/**
 * Builds the console in `dist/console/`: the page, its script and its styles, which the gateway serves.
 *
 *     deno task build:console        builds it, unless it is up to date
 *     … --for-start                  the same before a start that serves it; a failure prints one line
 *                                    and does not prevent the start
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { parseConfig } from "../gateway/config/parse.ts";
import { CONSOLE_FILES } from "../gateway/http/console.ts";
import { digestOf, filesBelow } from "./build_stamp.ts";
import { bundle, type BundleOptions, ROOT } from "./bundler.ts";

const TARGET = new URL("dist/console/", ROOT);
/** Holds digests of sources and output, so that a second start needs no bundler. */
const STAMP = "stamp.sha256";
/** The limit for the bundler before a start, which must work without a network. */
const START_LIMIT_MS = 20_000;
/** The inputs of the bundle: what the console may import, and the build itself. */
const SOURCES = [
  "client/",
  "console/",
  "deno.json",
  "deno.lock",
  "gateway/protocol/",
  "tools/build_console.ts",
  "tools/build_stamp.ts",
  "tools/bundler.ts",
];

/** Returns the stamp of a build from the sources with this digest. */
function stampOf(sources: string, folder: URL): string {
  return `${sources}\n${digestOf(CONSOLE_FILES, folder)}\n`;
}

/** True if the build is complete and from these sources. */
function isBuilt(sources: string): boolean {
  try {
    return Deno.readTextFileSync(new URL(STAMP, TARGET)) === stampOf(sources, TARGET);
  } catch {
    // The build follows, and reports what cannot be read.
    return false;
  }
}

function styles(): string {
  const library = new URL(import.meta.resolve("uplot/dist/uPlot.min.css"));
  return [library, new URL("console/style.css", ROOT)].map(Deno.readTextFileSync).join("\n");
}

/**
 * Builds `dist/console/` unless it is up to date.
 *
 * @param limitMs the limit for the bundler
 * @returns true if it was built, false if it was up to date
 * @throws {Error} if it cannot be built; the previous build is unchanged
 */
export async function buildConsole(
  { limitMs }: Pick<BundleOptions, "limitMs"> = {},
): Promise<boolean> {
  const sources = digestOf(SOURCES.flatMap((path) => filesBelow(path, ROOT)), ROOT);
  if (isBuilt(sources)) return false;
  const dist = new URL("dist/", ROOT);
  Deno.mkdirSync(dist, { recursive: true });
  const folder = Deno.makeTempDirSync({ dir: fileURLToPath(dist) });
  try {
    await bundle({
      entry: "console/main.ts",
      output: `${folder}/console.js`,
      ...limitMs === undefined ? {} : { limitMs },
    });
    Deno.writeTextFileSync(`${folder}/console.css`, styles());
    Deno.copyFileSync(new URL("console/index.html", ROOT), `${folder}/index.html`);
    Deno.copyFileSync(new URL("console/icon.svg", ROOT), `${folder}/console.svg`);
    Deno.writeTextFileSync(`${folder}/${STAMP}`, stampOf(sources, pathToFileURL(`${folder}/`)));
    Deno.mkdirSync(TARGET, { recursive: true });
    // Files are replaced atomically, the stamp last.
    Deno.writeTextFileSync(new URL(STAMP, TARGET), "");
    for (const name of [...CONSOLE_FILES, STAMP]) {
      Deno.renameSync(`${folder}/${name}`, new URL(name, TARGET));
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  return true;
}

/**
 * True if a start with these variables serves the console. `deno task` passes flags to the gateway alone, so they
 * are not read here. A start with an invalid configuration fails by itself later.
 */
function isServed(): boolean {
  try {
    const readTextFile = Deno.readTextFileSync;
    const command = parseConfig({ env: Deno.env.toObject(), args: [], readTextFile });
    return command.command === "serve" && command.config.console;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  const forStart = Deno.args.includes("--for-start");
  if (forStart && !isServed()) return;
  try {
    const built = await buildConsole(forStart ? { limitMs: START_LIMIT_MS } : {});
    if (!forStart) console.log(`dist/console/ is ${built ? "built" : "as it should be"}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`the console could not be built: ${reason}`);
    if (!forStart) Deno.exitCode = 1;
  }
}

if (import.meta.main) await main();
