/**
 * The example clients, each with its command line, or the reason why it cannot run on this machine.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { needs } from "../permissions.ts";
import { ROOT } from "../tidy/sources.ts";

export interface Example {
  readonly name: string;
  readonly missing: string | undefined;
  readonly command: () => Promise<readonly [string, ...string[]]>;
}

type Command = readonly [string, ...string[]];

/** Debian's, which has the library of the package python3-websockets. */
const PYTHON = "/usr/bin/python3";
/** Debian's packages of Go, such as golang-github-gorilla-websocket-dev. */
const GO_ENV = { GO111MODULE: "off", GOPATH: "/usr/share/gocode" };

const path = (name: string): string => fileURLToPath(new URL(`examples/${name}`, ROOT));

function deno(name: string, ...permissions: readonly string[]): Example {
  const command: Command = [Deno.execPath(), "run", "--no-prompt", ...permissions, path(name)];
  return { name, missing: undefined, command: () => Promise.resolve(command) };
}

/** True if the command succeeds. */
function runs(program: string, args: readonly string[], env: Record<string, string> = {}): boolean {
  if (needs("run") !== undefined) return false;
  try {
    const command = new Deno.Command(program, { args: [...args], env, stderr: "null" });
    return command.outputSync().success;
  } catch {
    return false;
  }
}

const hasPython = runs(PYTHON, ["-c", "import websockets"]);
const hasGo = runs("go", ["list", "github.com/gorilla/websocket"], GO_ENV);

/** Compiles first: `go run` would compile once for each check. */
async function buildGo(): Promise<Command> {
  const program = `${await Deno.makeTempDir()}/client`;
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", program, path("client.go")],
    env: GO_ENV,
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return [program];
}

export const EXAMPLES: readonly Example[] = [
  deno("library_client.ts", "--allow-net", "--allow-env", "--allow-sys"),
  deno("client.mjs", "--allow-net", "--allow-env"),
  {
    name: "client.py",
    missing: hasPython ? undefined : "there is no python3-websockets on this machine",
    command: () => Promise.resolve([PYTHON, path("client.py")]),
  },
  {
    name: "client.go",
    missing: hasGo ? undefined : "there is no Go with golang-github-gorilla-websocket-dev",
    command: buildGo,
  },
];
