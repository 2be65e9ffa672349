/**
 * A headless Chromium of this machine, started when a test first needs it and shared by the tests of a
 * file. Nothing is downloaded.
 *
 * `CHROMIUM` overrides the programs that are tried.
 *
 * @module
 */

import type { Browser } from "playwright-core";
import { needs } from "../../permissions.ts";

/** The usual paths of browsers with Chromium's engine. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/snap/bin/chromium",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Disables requests of its own, to services and for updates. */
const FLAGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

const LAUNCH_MS = 60_000;

/** The missing permission, if any. */
export const FORBIDDEN: string | undefined = needs("env", "net", "read", "run", "sys", "write");

/** Chromium's program, if there is one. */
export const PROGRAM: string | undefined = FORBIDDEN === undefined
  ? find(Deno.env.get("CHROMIUM"))
  : undefined;

/** The reason why there is no Chromium, if there is none. */
export const NO_CHROMIUM: string | undefined = PROGRAM === undefined
  ? "there is no Chromium on this machine"
  : undefined;

function find(given: string | undefined): string | undefined {
  return (given === undefined ? PLACES : [given]).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

let running: Promise<Browser> | undefined;

export function browser(): Promise<Browser> {
  if (PROGRAM === undefined) throw new Error(NO_CHROMIUM);
  return running ??= launch(PROGRAM);
}

async function launch(executablePath: string): Promise<Browser> {
  // When it is loaded, Playwright reads a file to detect WSL, which Deno shows only to programs with all
  // permissions. With this variable, it reads the file only when it needs it, which is never.
  Deno.env.set("__IS_WSL_TEST__", "1");
  const { chromium } = await import("playwright-core");
  return await chromium.launch({
    executablePath,
    // Chromium's sandbox does not work for root, who runs the tests in containers.
    args: Deno.uid() === 0 ? [...FLAGS, "--no-sandbox"] : FLAGS,
    timeout: LAUNCH_MS,
  });
}

Deno.test.afterAll(async () => {
  await (await running)?.close();
});
