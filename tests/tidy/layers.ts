/**
 * Which part of the project may import which, and which library belongs to which part. By folder, so
 * that a new file needs no row.
 *
 * @module
 */

/** A part of the project. */
export interface Layer {
  readonly name: string;
  /** The files that it has; the first layer of the table that matches a path is that path's. */
  readonly files: RegExp;
  /** The layers that it may import besides itself; `"any"` for all but `main`. */
  readonly imports: readonly string[] | "any";
  /** The libraries that it may import. Those of node are free where not banned. */
  readonly libraries: readonly RegExp[];
}

const KERNEL = ["protocol", "ports", "errors", "redact"];
const CORE = [...KERNEL, "core", "metrics"];

/** The layers. */
export const LAYERS: readonly Layer[] = [
  { name: "protocol", files: /^gateway\/protocol\//, imports: [], libraries: [/^zod$/] },
  { name: "ports", files: /^gateway\/ports\.ts$/, imports: ["protocol"], libraries: [] },
  { name: "errors", files: /^gateway\/errors\.ts$/, imports: [], libraries: [] },
  { name: "redact", files: /^gateway\/redact_url\.ts$/, imports: [], libraries: [] },
  {
    name: "options",
    files: /^gateway\/(?:options|config|help|version)(?:_[a-z]+)?\.ts$/,
    imports: ["errors", "redact", "deno.json"],
    libraries: [/^leven$/],
  },
  {
    name: "metrics",
    files: /^gateway\/(?:metrics|tally)\.ts$/,
    imports: KERNEL,
    libraries: [/^prom-client$/],
  },
  {
    name: "nats",
    files: /^gateway\/nats\//,
    imports: KERNEL,
    libraries: [/^@nats-io\//],
  },
  {
    name: "log",
    files: /^gateway\/log\//,
    imports: [...KERNEL, "nats"],
    libraries: [/^node:sqlite$/, /^@nats-io\//],
  },
  {
    name: "runtime",
    files: /^gateway\/runtime\//,
    imports: KERNEL,
    libraries: [/^@logtape\/logtape$/, /^ws$/],
  },
  { name: "auth", files: /^auth\//, imports: KERNEL, libraries: [/^jose$/] },
  {
    name: "http",
    files: /^gateway\/http(?:\.ts$|\/)/,
    imports: [...CORE, "options"],
    libraries: [/^hono(?:\/|$)/, /^@hono\/zod-openapi$/],
  },
  // Connection, hub and what they are made of: every other file next to them.
  {
    name: "core",
    files: /^gateway\/[^/]+\.ts$/,
    imports: [...KERNEL, "metrics", "options"],
    libraries: [],
  },
  { name: "main", files: /^main\.ts$/, imports: "any", libraries: [] },
  { name: "mock issuer", files: /^mock\/issuer\.ts$/, imports: KERNEL, libraries: [/^jose$/] },
  {
    name: "mock",
    files: /^mock\//,
    imports: "any",
    libraries: [/^hono(?:\/|$)/, /^@hono\/zod-openapi$/],
  },
  { name: "client", files: /^client\//, imports: ["protocol"], libraries: [] },
  {
    name: "console",
    files: /^console\//,
    imports: ["client", "protocol"],
    libraries: [/^uplot$/],
  },
  { name: "tests", files: /^tests\//, imports: "any", libraries: [/./] },
  {
    name: "examples",
    files: /^examples\//,
    imports: ["client", "mock", "protocol"],
    libraries: [],
  },
  { name: "tools", files: /^(?:tools|bench)\//, imports: "any", libraries: [/./] },
];

/** Who may import the mocks: production only where it is put together. */
export const MOCK_USERS: readonly string[] = ["main", "mock", "tests", "tools", "examples"];

/** The layer of the file at `path`. */
export function layerOf(path: string): Layer | undefined {
  return LAYERS.find(({ files }) => files.test(path));
}

/** What is wrong with the import of `target` by the file at `path`; nothing if it may be. */
export function faultOfImport(path: string, target: string): string | undefined {
  const from = layerOf(path);
  if (from === undefined) return `${path} is in no layer`;
  if (target.startsWith("node:assert") && from.name === "tests") return undefined;
  const to = layerOf(target);
  if (to === undefined && !target.includes(".ts") && target !== "deno.json") {
    const free = target.startsWith("node:") && target !== "node:sqlite";
    const allowed = free || from.libraries.some((library) => library.test(target));
    return allowed ? undefined : `${path} (${from.name}) imports the library ${target}`;
  }
  const name = to?.name ?? target;
  const allowed = name === from.name ||
    (from.imports === "any" ? name !== "main" : from.imports.includes(name));
  const mocked = name.startsWith("mock") && !MOCK_USERS.includes(from.name.split(" ")[0] ?? "");
  return allowed && !mocked ? undefined : `${path} (${from.name}) imports ${target} (${name})`;
}
