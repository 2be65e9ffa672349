/**
 * From environment and arguments to a configuration that is known to be good, or to one line that says
 * which variable is not.
 *
 * Pure but for the files that it is handed a reader for. Every failure is an
 * {@linkcode OperationalError} with `bad_configuration`; no message ever has the value of a secret.
 *
 * @module
 */

import { isIPv4 } from "node:net";
import { parseArgs } from "node:util";
import { closestMatch } from "leven";
import type { OperationalError } from "../errors.ts";
import { helpText } from "./help.ts";
import type { NatsOptions } from "../cluster/nats_options.ts";
import { chooseNats, type NatsKey } from "./parse_nats.ts";
import {
  configError,
  nameOf,
  quoted,
  readKeyPair,
  type ReadTextFile,
  type Setting,
  type Settings,
} from "./sources.ts";
import { parseValue } from "./values.ts";
import { flagName, type Option, OPTIONS, type OptionValues } from "./options.ts";
import { redactUrl } from "../redact_url.ts";
import { VERSION } from "./version.ts";

/** Who made the tokens that clients identify with. */
export type AuthConfig =
  /** The mock issuer, for development: anybody may log in. */
  | { readonly mode: "mock" }
  /** The app's backend, with a shared HS256 secret. */
  | { readonly mode: "secret"; readonly secret: string }
  /** An issuer that publishes its keys. */
  | { readonly mode: "jwks"; readonly url: URL };

/** What serves clients; see docs/operations.md, "Transports". */
export type TransportName = "deno" | "node";

/** Certificate chain and private key, both PEM texts. */
export interface TlsConfig {
  /** The certificate chain. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** Every setting of the gateway: the options of the table, and those that belong together as one. */
export type Config =
  & Omit<
    OptionValues,
    | "jwtSecret"
    | "jwksUrl"
    | "tlsCert"
    | "tlsKey"
    | "publishKey"
    | "console"
    | "transport"
    | "apiHost"
    | "apiPort"
    | Exclude<NatsKey, "natsStream" | "natsSubject" | "natsReplicas">
  >
  & {
    /** Who made the tokens. */
    readonly auth: AuthConfig;
    /** The bearer token of the app's backend. */
    readonly publishKey: string;
    /** What serves clients. */
    readonly transport: TransportName;
    /** Where everything but clients is served; `undefined` serves all on one port. */
    readonly api: { readonly host: string; readonly port: number } | undefined;
    /** Whether the console is served. */
    readonly console: boolean;
    /** Whether to answer under names that a stranger can have too. */
    readonly allowAnyHost: boolean;
    /** What to serve HTTPS with; `undefined` serves HTTP. */
    readonly tls: TlsConfig | undefined;
    /** Where messages are kept; `undefined` keeps them in the `log`. */
    readonly nats: NatsOptions | undefined;
  };

/** What the process was started for. */
export type Command =
  | { readonly command: "serve"; readonly config: Config }
  /** Serve as a test server, with virtual time (docs/testing-clients.md). */
  | { readonly command: "mock"; readonly config: Config }
  /** Print `text` and exit. */
  | { readonly command: "help" | "version"; readonly text: string };

/** What {@linkcode parseConfig} works on. */
export interface ConfigInput {
  /** The environment; only names that begin with `GATEWAY_` are looked at. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The arguments after the program's name. */
  readonly args: readonly string[];
  /** Reads a whole text file, and throws if it cannot. */
  readonly readTextFile: ReadTextFile;
}

/** What the arguments say. */
interface Flags {
  readonly settings: Settings;
  /** Whether `--mock` is among them. */
  readonly mock: boolean;
}

/** The publish key of a development start. Everybody knows it, so it is no secret. */
export const DEVELOPMENT_PUBLISH_KEY = "dev";

const ENV_PREFIX = "GATEWAY_";
/** HS256 wants a key as long as its hash (RFC 7518, section 3.2). */
const MIN_SECRET_BYTES = 32;
const COMMAND_FLAGS = ["--mock", "--help", "--version"];
const MIN_PUBLISH_KEY_LENGTH = 16;
const KEYS_BY_ENV: ReadonlyMap<string, string> = new Map(
  Object.entries(OPTIONS).map(([key, option]) => [option.env, key]),
);
const KEYS_BY_FLAG: ReadonlyMap<string, string> = new Map(
  Object.keys(OPTIONS).map((key) => [`--${flagName(key)}`, key]),
);

/**
 * Reads and checks the configuration.
 *
 * @throws {OperationalError} `bad_configuration`: one line that names the variable or the flag
 */
export function parseConfig({ env, args, readTextFile }: ConfigInput): Command {
  const flags = readFlags(args);
  if (flags === "help") return { command: "help", text: helpText() };
  if (flags === "version") return { command: "version", text: VERSION };
  const settings: Settings = new Map([...readEnv(env), ...flags.settings]);
  const entries = Object.entries<Option>(OPTIONS).map(([key, option]) => {
    const setting = settings.get(key);
    return [key, setting === undefined ? option.default : parseValue(option, setting)];
  });
  // The one cast: each value was just made by the row that its type is derived from.
  const values = Object.fromEntries(entries) as OptionValues;
  checkBuffers(values, settings);
  const { jwtSecret, jwksUrl, tlsCert: cert, tlsKey: key, ...rest } = values;
  const auth = resolveAuth({ jwtSecret, jwksUrl }, settings);
  if (flags.mock) checkMock(settings, values.console);
  if (auth.mode === "mock") {
    checkLoopback("host", { values, settings });
    checkLoopback("apiHost", { values, settings });
  }
  const publishKey = choosePublishKey(values.publishKey, { auth, settings });
  const tls = readKeyPair({ certKey: "tlsCert", keyKey: "tlsKey", cert, key }, {
    settings,
    readTextFile,
  });
  const nats = chooseNats(values, { settings, readTextFile });
  const api = chooseApi(values, settings);
  const command = flags.mock ? "mock" : "serve";
  const transport = values.transport !== "auto"
    ? values.transport
    : auth.mode === "mock" && !flags.mock
    ? "deno"
    : "node";
  const asked = values.console === "on";
  // Who has not asked for the console gets it where it shows nothing but what anybody may see.
  const console = asked || (values.console === "auto" && auth.mode === "mock");
  // Where everybody knows the key, no page of the web is to pass for the gateway's own: http/host.ts.
  const allowAnyHost = asked || auth.mode !== "mock";
  const chosen = { auth, publishKey, transport, api, console, allowAnyHost, tls, nats };
  return { command, config: { ...rest, ...chosen } };
}

function readEnv(env: ConfigInput["env"]): Map<string, Setting> {
  const settings = new Map<string, Setting>();
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX)) continue;
    const key = KEYS_BY_ENV.get(name);
    if (key === undefined) throw unknown(name, [...KEYS_BY_ENV.keys()]);
    // Empty counts as not set, because that is what `VARIABLE=${OTHER:-}` leaves behind.
    if (text !== undefined && text !== "") settings.set(key, { name, text });
  }
  return settings;
}

function readFlags(args: readonly string[]): Flags | "help" | "version" {
  const known = Object.fromEntries(
    Object.keys(OPTIONS).map((key) => [flagName(key), { type: "string" } as const]),
  );
  // Runners of tasks pass a `--` on, and nothing but options is taken before or after it.
  const given = [...args.entries()].filter(([, arg]) => arg !== "--");
  const { tokens } = parseArgs({
    args: given.map(([, arg]) => arg),
    strict: false,
    tokens: true,
    options: {
      ...known,
      mock: { type: "boolean" },
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "v" },
    },
  });
  const settings = new Map<string, Setting>();
  let mock = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      const place = (given[token.index]?.[0] ?? token.index) + 1;
      // Its text is not repeated: it may be the rest of a secret that was not quoted.
      throw configError(`argument ${place}`, "is not an option; options begin with --");
    }
    if (token.name === "help" || token.name === "version") return token.name;
    const name = token.rawName;
    if (name === "--mock") {
      if (token.value !== undefined) throw configError(name, "takes no value");
      mock = true;
      continue;
    }
    const key = KEYS_BY_FLAG.get(name);
    if (key === undefined) throw unknown(name, [...KEYS_BY_FLAG.keys(), ...COMMAND_FLAGS]);
    const { value: text, inlineValue } = token;
    if (text === undefined || text === "" || (!inlineValue && text.startsWith("--"))) {
      throw configError(name, "has no value");
    }
    settings.set(key, { name, text });
  }
  return { settings, mock };
}

function resolveAuth(
  { jwtSecret, jwksUrl }: Pick<OptionValues, "jwtSecret" | "jwksUrl">,
  settings: Settings,
): AuthConfig {
  const secretName = nameOf("jwtSecret", settings);
  const jwksName = nameOf("jwksUrl", settings);
  if (jwtSecret !== undefined && jwksUrl !== undefined) {
    throw configError(jwksName, `cannot be set together with ${secretName}`);
  }
  if (jwtSecret !== undefined) {
    if (new TextEncoder().encode(jwtSecret).byteLength < MIN_SECRET_BYTES) {
      throw configError(secretName, `is too short, expected at least ${MIN_SECRET_BYTES} bytes`);
    }
    return { mode: "secret", secret: jwtSecret };
  }
  if (jwksUrl === undefined) return { mode: "mock" };
  const url = new URL(jwksUrl);
  if (url.protocol !== "https:" && !isLoopback(url.hostname)) {
    throw configError(
      jwksName,
      `is ${quoted(redactUrl(jwksUrl))}, expected https, or http on a loopback address`,
    );
  }
  return { mode: "jwks", url };
}

/**
 * The test server obeys anybody who reaches it, so it never runs where real users log in. And it has no
 * console: on a page that shows heartbeats as they come, time that stands still would look like a fault.
 */
function checkMock(settings: Settings, choice: OptionValues["console"]): void {
  if (choice === "on") {
    throw configError(
      "--mock",
      `has no console and cannot be used with ${nameOf("console", settings)}=on`,
    );
  }
  const real = settings.get("jwtSecret") ?? settings.get("jwksUrl") ??
    settings.get("natsUrl") ?? settings.get("apiPort");
  if (real === undefined) return;
  throw configError("--mock", `is for tests and cannot be used together with ${real.name}`);
}

function checkLoopback(
  key: "host" | "apiHost",
  { values, settings }: { readonly values: OptionValues; readonly settings: Settings },
): void {
  const host = values[key];
  if (isLoopback(host)) return;
  throw configError(
    nameOf(key, settings),
    `is ${quoted(host)}, but the mock issuer admits anyone and runs only on 127.0.0.1, ::1 or ` +
      `localhost; set ${OPTIONS.jwtSecret.env} or ${OPTIONS.jwksUrl.env}`,
  );
}

/** Where everything but clients is served, if that is a port of its own. */
function chooseApi(
  { host, port, apiHost, apiPort }: OptionValues,
  settings: Settings,
): Config["api"] {
  const name = nameOf("apiPort", settings);
  if (apiPort === undefined) {
    const lost = settings.get("apiHost");
    if (lost !== undefined) throw configError(lost.name, `has no effect without ${name}`);
    return undefined;
  }
  if (apiPort !== 0 && apiPort === port && apiHost === host) {
    throw configError(
      name,
      `is ${apiPort}, the same as ${nameOf("port", settings)}, expected another port`,
    );
  }
  return { host: apiHost, port: apiPort };
}

function choosePublishKey(
  key: string | undefined,
  { auth, settings }: { readonly auth: AuthConfig; readonly settings: Settings },
): string {
  const name = nameOf("publishKey", settings);
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw configError(
      name,
      "contains characters not allowed in an HTTP header, expected printable ASCII",
    );
  }
  if (auth.mode === "mock") return key ?? DEVELOPMENT_PUBLISH_KEY;
  if (key === undefined) {
    throw configError(name, "is not set, expected the key of the app's backend");
  }
  if (key.length < MIN_PUBLISH_KEY_LENGTH) {
    throw configError(name, `is too short, expected at least ${MIN_PUBLISH_KEY_LENGTH} characters`);
  }
  return key;
}

function checkBuffers(values: OptionValues, settings: Settings): void {
  const least = 2 * values.maxMessageBytes;
  if (values.maxBufferedBytes >= least) return;
  throw configError(
    nameOf("maxBufferedBytes", settings),
    `is ${values.maxBufferedBytes}, expected at least ${least}, twice ` +
      `${nameOf("maxMessageBytes", settings)}, or one message could close a client`,
  );
}

/** Whether nobody but this machine can reach `host`; brackets of a URL's IPv6 address are allowed. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" ||
    (isIPv4(host) && host.startsWith("127."));
}

function unknown(name: string, known: readonly string[]): OperationalError {
  // A third of it may be mistyped, not counting the prefix that all names share.
  const length = name.replace(ENV_PREFIX, "").replace(/^--/, "").length;
  const nearest = closestMatch(name, known, { maxDistance: Math.ceil(length / 3) });
  const hint = nearest === undefined ? "--help lists all" : `did you mean ${nearest}?`;
  return configError(name, `is not an option; ${hint}`);
}
