/**
 * Builds the console: `dist/console/` with the page, its script and its styles, which the gateway serves.
 *
 *     deno task build:console        builds it, unless it is there and nothing has changed since
 *     … --for-start                  the same before a start that is to show it: a failure is one line,
 *                                    and the gateway starts all the same
 *
 * The script is bundled by `deno bundle`, whose bundler Deno takes from npm the first time.
 *
 * @module
 */

import { fileURLToPath, pathToFileURL } from "node:url";
import { parseConfig } from "../gateway/config/parse.ts";
import { CONSOLE_FILES } from "../gateway/http/console.ts";
import { digestOf, filesBelow } from "./build_stamp.ts";
import { bundle, type BundleOptions, ROOT } from "./bundler.ts";

const TARGET = new URL("dist/console/", ROOT);
/** Says from what the build is and what it came to, so that a second start needs no bundler. */
const STAMP = "stamp.sha256";
/** How long a start waits for the bundler: who has no network still has a gateway to start. */
const START_LIMIT_MS = 20_000;
/** Everything that the bundle can come from: what the console may import, and how it is built. */
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

/** The stamp of the build in `folder`, if it was made of the sources with this digest. */
function stampOf(sources: string, folder: URL): string {
  return `${sources}\n${digestOf(CONSOLE_FILES, folder)}\n`;
}

/** Whether the build that is there is whole, and of these sources. */
function isBuilt(sources: string): boolean {
  try {
    return Deno.readTextFileSync(new URL(STAMP, TARGET)) === stampOf(sources, TARGET);
  } catch {
    // Whatever cannot be read is made anew, or is what making it fails by.
    return false;
  }
}

/** The library's own styles, then the page's. */
function styles(): string {
  const library = new URL(import.meta.resolve("uplot/dist/uPlot.min.css"));
  return [library, new URL("console/style.css", ROOT)].map(Deno.readTextFileSync).join("\n");
}

/**
 * Builds `dist/console/` unless it is as it would become. The bundler may take `limitMs`.
 *
 * @returns whether it had to; @throws {Error} why it cannot be built: then what was there is still there
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
    // Files take their places whole; the stamp vouches for nothing until all of them have.
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
 * Whether a start with these variables serves the console. One that cannot start needs none, and says so
 * itself. Flags are not seen here: `deno task` gives them to the gateway alone.
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
