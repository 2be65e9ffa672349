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

import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { parseConfig } from "../gateway/config.ts";
import { CONSOLE_FILES } from "../gateway/http/console.ts";
import { bundle, ROOT } from "./bundler.ts";

const TARGET = new URL("dist/console/", ROOT);
/** Says from what the build is, so that a second start has nothing to do and needs no bundler. */
const STAMP = "sources.sha256";
/** Everything that the bundle can come from: what the console may import, and how it is built. */
const SOURCES = [
  "client/",
  "console/",
  "deno.json",
  "deno.lock",
  "gateway/protocol/",
  "tools/build_console.ts",
  "tools/bundler.ts",
];

/** The paths of the files below `path`, in order. */
function filesBelow(path: string): readonly string[] {
  if (!path.endsWith("/")) return [path];
  return [...Deno.readDirSync(new URL(path, ROOT))].flatMap(({ name, isDirectory }) =>
    filesBelow(`${path}${name}${isDirectory ? "/" : ""}`)
  ).sort();
}

function hashOfSources(): string {
  const hash = createHash("sha256");
  for (const path of SOURCES.flatMap(filesBelow)) {
    const bytes = Deno.readFileSync(new URL(path, ROOT));
    hash.update(`${path}\n${bytes.byteLength}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** What is in the build that is there says it was made from; nothing if there is none. */
function stampOfBuild(): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(STAMP, TARGET));
  } catch {
    return undefined;
  }
}

/** The library's own styles, then the page's. */
function styles(): string {
  const library = new URL(import.meta.resolve("uplot/dist/uPlot.min.css"));
  return [library, new URL("console/style.css", ROOT)].map(Deno.readTextFileSync).join("\n");
}

/**
 * Builds `dist/console/` unless it is as it would become.
 *
 * @returns whether it had to; @throws {Error} why it cannot be built: then what was there is still there
 */
export async function buildConsole(): Promise<boolean> {
  const stamp = hashOfSources();
  if (stampOfBuild() === stamp) return false;
  const dist = new URL("dist/", ROOT);
  Deno.mkdirSync(dist, { recursive: true });
  const folder = Deno.makeTempDirSync({ dir: fileURLToPath(dist) });
  try {
    await bundle({ entry: "console/main.ts", output: `${folder}/console.js` });
    Deno.writeTextFileSync(`${folder}/console.css`, styles());
    Deno.copyFileSync(new URL("console/index.html", ROOT), `${folder}/index.html`);
    Deno.copyFileSync(new URL("console/icon.svg", ROOT), `${folder}/console.svg`);
    Deno.writeTextFileSync(`${folder}/${STAMP}`, stamp);
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

/** Whether a start with these variables serves the console; one that cannot start says so itself. */
function isServed(): boolean {
  try {
    const readTextFile = Deno.readTextFileSync;
    const command = parseConfig({ env: Deno.env.toObject(), args: [], readTextFile });
    return command.command === "serve" && command.config.console !== "off";
  } catch {
    return true;
  }
}

async function main(): Promise<void> {
  const forStart = Deno.args.includes("--for-start");
  if (forStart && !isServed()) return;
  try {
    const built = await buildConsole();
    if (!forStart) console.log(`dist/console/ is ${built ? "built" : "as it should be"}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`the console could not be built: ${reason}`);
    if (!forStart) Deno.exitCode = 1;
  }
}

if (import.meta.main) await main();
