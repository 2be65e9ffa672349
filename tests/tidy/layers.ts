/**
 * The layers of the project, their imports and their libraries. By folder, so that a new file needs no
 * row.
 *
 * @module
 */

/** A part of the project. */
export interface Layer {
  readonly name: string;
  /** Its paths as in CONTRIBUTING.md; a pattern ends in `/` or `.ts`. */
  readonly paths: readonly string[];
  readonly holds: string;
  /** The other layers that it may import; `"any"` for all but `main`. */
  readonly imports: readonly string[] | "any";
  /** The libraries that it may import. Those of node are allowed unless banned. */
  readonly libraries: readonly RegExp[];
}

const KERNEL = ["protocol", "ports", "errors", "util"];
const GATEWAY = [
  ...KERNEL,
  "metrics",
  "config",
  "core",
  "log",
  "cluster",
  "runtime",
  "http",
  "webhooks",
  "auth",
];
const HONO = [/^hono(?:\/|$)/, /^@hono\/zod-openapi$/];

/** The layers. A path belongs to the first that matches. */
export const LAYERS: readonly Layer[] = [
  {
    name: "protocol",
    paths: ["gateway/protocol/"],
    holds: "the protocol as pure functions: opcodes, close codes, frames, the session reducer",
    imports: [],
    libraries: [/^zod$/],
  },
  {
    name: "ports",
    paths: ["gateway/ports.ts", "gateway/ports_users.ts"],
    holds: "what the gateway needs from the world, as interfaces",
    imports: ["protocol"],
    libraries: [],
  },
  {
    name: "errors",
    paths: ["gateway/errors.ts", "gateway/redact_url.ts"],
    holds: "operational failures and their codes; URLs without their secrets",
    imports: [],
    libraries: [],
  },
  {
    name: "util",
    paths: ["gateway/util.ts"],
    holds: "helpers that every room uses",
    imports: ["ports"],
    libraries: [],
  },
  {
    name: "metrics",
    paths: ["gateway/metrics/"],
    holds: "what is counted",
    imports: KERNEL,
    libraries: [/^prom-client$/],
  },
  {
    name: "config",
    paths: ["gateway/config/"],
    holds: "the table of options, how it is read, `--help`",
    imports: [...KERNEL, "core", "cluster", "deno.json"],
    libraries: [/^leven$/],
  },
  {
    name: "cluster",
    paths: ["gateway/cluster/"],
    holds: "users on many nodes, over NATS; the connection to NATS",
    imports: KERNEL,
    libraries: [/^@nats-io\//],
  },
  {
    name: "log",
    paths: ["gateway/log/"],
    holds: "the message log: in memory, on SQLite, on JetStream",
    imports: [...KERNEL, "cluster"],
    libraries: [/^node:sqlite$/, /^@nats-io\//],
  },
  {
    name: "runtime",
    paths: ["gateway/runtime/"],
    holds: "all that touches the runtime's globals: clock, ids, logger, both transports",
    imports: KERNEL,
    libraries: [/^@logtape\/logtape$/, /^ws$/],
  },
  {
    name: "http",
    paths: ["gateway/http/"],
    holds: "HTTP routes and the WebSocket handshake; OpenAPI and AsyncAPI",
    imports: [...KERNEL, "core", "config"],
    libraries: HONO,
  },
  {
    name: "webhooks",
    paths: ["gateway/webhooks/"],
    holds: "tells the backend by webhook when users come and go",
    imports: [...KERNEL, "metrics"],
    libraries: [/^standardwebhooks$/],
  },
  {
    name: "core",
    paths: ["gateway/session/", "gateway/hub/", "gateway/*.ts"],
    holds: "one connection (`session/`), fan-out and presence (`hub/`), admission, drain",
    imports: [...KERNEL, "metrics"],
    libraries: [],
  },
  {
    name: "auth",
    paths: ["auth/"],
    holds: "token verification",
    imports: KERNEL,
    libraries: [/^jose$/],
  },
  {
    name: "main",
    paths: ["main.ts", "commands/"],
    holds:
      "the composition root: `main.ts` reads the command line, `commands/` puts the parts together",
    imports: [...GATEWAY, "mock issuer", "mock", "certify"],
    libraries: [],
  },
  {
    name: "mock issuer",
    paths: ["mock/issuer.ts"],
    holds: "a login issuer for development and tests",
    imports: KERNEL,
    libraries: [/^jose$/],
  },
  {
    name: "mock",
    paths: ["mock/"],
    holds:
      "the gateway on virtual time: in process (`gateway/`), over HTTP (`server/`); faults by a seed (`chaos/`), recordings (`replay/`), fake clock and sockets (`doubles/`)",
    imports: [...GATEWAY, "mock issuer"],
    libraries: HONO,
  },
  {
    name: "certify",
    paths: ["certify/"],
    holds: "the judge of clients: checks on the wire, scorecards",
    imports: [...GATEWAY, "mock issuer", "mock"],
    libraries: [],
  },
  {
    name: "client",
    paths: ["client/"],
    holds: "the client library for browsers, Node, Bun and Deno",
    imports: ["protocol"],
    libraries: [],
  },
  {
    name: "simulation",
    paths: ["simulation/"],
    holds: "seeded worlds under faults, with the client library as the client",
    imports: [...GATEWAY, "mock", "client"],
    libraries: [],
  },
  {
    name: "console",
    paths: ["console/"],
    holds: "the web page that the gateway serves at `/`, type-checked for a browser",
    imports: ["client", "protocol"],
    libraries: [/^uplot$/],
  },
  {
    name: "examples",
    paths: ["examples/"],
    holds: "what an app and its tests look like",
    imports: ["client", "mock", "protocol"],
    libraries: [],
  },
  {
    name: "tools",
    paths: ["tools/", "bench/"],
    holds: "what tasks of `deno.json` run; benchmarks",
    imports: "any",
    libraries: [/./],
  },
  {
    name: "tests",
    paths: ["tests/"],
    holds: "tests, one folder for each of the above; `conformance/` speaks to a real port",
    imports: "any",
    libraries: [/./],
  },
];

export function layerOf(path: string): Layer | undefined {
  return LAYERS.find(({ paths }) => paths.some((pattern) => matches(path, pattern)));
}

function matches(path: string, pattern: string): boolean {
  const [folder, rest] = pattern.split("*");
  if (rest === undefined) {
    return pattern.endsWith("/") ? path.startsWith(pattern) : path === pattern;
  }
  return path.startsWith(folder ?? "") && path.lastIndexOf("/") < (folder ?? "").length;
}

/** The fault in the import of `target` by the file at `path`; `undefined` if it is allowed. */
export function faultOfImport(path: string, target: string): string | undefined {
  const from = layerOf(path);
  if (from === undefined) return `${path} is in no layer`;
  const to = layerOf(target);
  if (to === undefined && !target.includes(".ts") && target !== "deno.json") {
    const free = target.startsWith("node:") && target !== "node:sqlite";
    const allowed = free || from.libraries.some((library) => library.test(target));
    return allowed ? undefined : `${path} (${from.name}) imports the library ${target}`;
  }
  const name = to?.name ?? target;
  const allowed = name === from.name ||
    (from.imports === "any" ? name !== "main" : from.imports.includes(name));
  return allowed ? undefined : `${path} (${from.name}) imports ${target} (${name})`;
}
