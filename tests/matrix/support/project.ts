/**
 * The npm project in `project/`: installs what its package-lock.json names, and the packages from their tarballs.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "../../../bench/peers/machine.ts";
import { buildPackages, CLIENT_NAME, MOCK_NAME } from "../../../tools/build_packages.ts";
import { skip } from "../../conformance/support/suite.ts";
import { needs, variable } from "../../permissions.ts";

/** The folder of the project. */
export const PROJECT: string = fileURLToPath(new URL("../project/", import.meta.url));

const MODULES = join(PROJECT, "node_modules");

/** A package of this project, as an app installs it and as npm would publish it. */
export interface Installed {
  readonly folder: string;
  readonly tarball: string;
}

export const CLIENT: Installed = installation(CLIENT_NAME);
export const MOCK: Installed = installation(MOCK_NAME);

function installation(name: string): Installed {
  const tarball = join(MODULES, ".packages", `${name.replace("@emagine/", "")}.tgz`);
  return { folder: join(MODULES, name), tarball };
}

const LIMIT_MS = 60_000;

/** The reason why the project cannot be installed on this machine, if any; in CI that is an error. */
const MISSING = needs("env", "net", "read", "run", "sys", "write") ?? await reasonNotInstalled();
if (MISSING === undefined) await installPackages();

async function reasonNotInstalled(): Promise<string | undefined> {
  try {
    await install(PROJECT);
    return undefined;
  } catch (error) {
    if (variable("CI") === "true" || !(error instanceof Error)) throw error;
    return error.message;
  }
}

/** `npm install` does the same with the tarballs, but also checks every other package. */
async function installPackages(): Promise<void> {
  const tarballs = await buildPackages(join(MODULES, ".packages"));
  for (const [name, built] of Object.entries(tarballs)) {
    const { folder, tarball } = installation(name);
    await Deno.rename(built, tarball);
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.mkdir(folder, { recursive: true });
    await run(["tar", "-xzf", tarball, "--strip-components=1", "-C", folder]);
  }
}

const { os, arch } = Deno.build;

export function node(major: 20 | 22 | 24): string {
  return join(MODULES, `node${major}-${os}-${arch === "x86_64" ? "x64" : "arm64"}/bin/node`);
}

export function bun(): string {
  return join(MODULES, `@oven/bun-${os}-${arch}/bin/bun`.replace("x86_64", "x64"));
}

/** A file of an installed package. */
export function installed(path: string): string {
  return join(MODULES, path);
}

/** Defines a test. If it cannot run for the reason in `missing`, it is skipped, but in CI it fails. */
export function matrixTest(
  name: string,
  missing: string | undefined,
  run: () => Promise<void>,
): void {
  const reason = MISSING ?? (variable("CI") === "true" ? undefined : missing);
  if (reason !== undefined) return skip(name, reason);
  // An open browser outlives a test.
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn: run });
}

/** The reason why `program` cannot run, if it is missing: not every system has every program. */
export function absent(program: string): string | undefined {
  try {
    Deno.statSync(program);
    return undefined;
  } catch {
    return `${program.replace(MODULES, "npm's")} is not there for ${os} on ${arch}`;
  }
}

/**
 * Runs a command in the project's folder. Throws, with its output, unless it succeeds.
 *
 * @returns its output
 */
export async function run(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = new Deno.Command(program, {
    args,
    cwd: PROJECT,
    env: { NO_COLOR: "1", ...env },
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const { success, code, stdout, stderr } = await child.output();
  const [output, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, `${program} ${args.join(" ")}: ${code}\n${output}${errors}`);
  return `${output}${errors}`;
}
