/**
 * Reads the environment and the arguments, and checks options against each other. Pure but for the files that
 * options name. Every failure is an {@linkcode OperationalError} with `bad_configuration` and one line that
 * names the variable or the flag; no message has the value of a secret.
 *
 * @module
 */

import { isIPv4 } from "node:net";
import { parseArgs } from "node:util";
import type { OperationalError } from "../errors.ts";
import { helpText } from "./help.ts";
import type { NatsOptions } from "../cluster/nats_options.ts";
import { configError, GivenOptions, type GivenText, quoted, type ReadTextFile } from "./given.ts";
import { checkSecrets, resolvePublishKey } from "./keys.ts";
import { type NATS_OPTIONS, resolveNats } from "./nats.ts";
import { nearest } from "./nearest.ts";
import { envName, flagName, type Option } from "./option_types.ts";
import { OPTIONS, type OptionValues } from "./options.ts";
import { parseValue } from "./values.ts";
import { redactUrl } from "../redact_url.ts";
import { VERSION } from "./version.ts";
import { resolveWebhooks, type WEBHOOK_OPTIONS, type WebhookConfig } from "./webhooks.ts";

/** The issuer of tokens. */
export type AuthConfig =
  /** The mock issuer, for development: anybody may log in. */
  | { readonly mode: "mock" }
  /** The app's backend, with a shared HS256 secret, and the one that it replaces. */
  | { readonly mode: "secret"; readonly secret: string; readonly previous?: string }
  /** An issuer that publishes its keys. */
  | { readonly mode: "jwks"; readonly url: URL };

/** The server for clients; see docs/operations.md, "Transports". */
export type TransportName = "deno" | "node";

/** Certificate chain and private key, both PEM texts. */
export interface TlsConfig {
  readonly cert: string;
  readonly key: string;
}

/** The configuration: the options of the table, those that depend on each other resolved. */
export type Config =
  & Omit<
    OptionValues,
    | "jwtSecret"
    | "jwtSecretPrevious"
    | "jwksUrl"
    | "tlsCert"
    | "tlsKey"
    | "publishKey"
    | "console"
    | "transport"
    | "apiHost"
    | "apiPort"
    | keyof typeof WEBHOOK_OPTIONS
    | Exclude<keyof typeof NATS_OPTIONS, "natsStream" | "natsSubject" | "natsReplicas">
  >
  & {
    readonly auth: AuthConfig;
    /** The bearer token of the app's backend. */
    readonly publishKey: string;
    readonly transport: TransportName;
    /** The address of everything but clients; `undefined` serves all on one port. */
    readonly api: { readonly host: string; readonly port: number } | undefined;
    readonly console: boolean;
    /** Accepts a publicly registrable `Host`. */
    readonly allowAnyHost: boolean;
    /** For HTTPS; `undefined` serves HTTP. */
    readonly tls: TlsConfig | undefined;
    /** The NATS that stores messages; `undefined` stores them in the `log`. */
    readonly nats: NatsOptions | undefined;
    /** The backend that is told when users come and go; `undefined` tells nobody. */
    readonly webhooks: WebhookConfig | undefined;
  };

export type Command =
  | { readonly command: "serve"; readonly config: Config }
  /** Serve as a test server, with virtual time (docs/testing-clients.md). */
  | { readonly command: "mock"; readonly config: Config }
  /** Print `text` and exit. */
  | { readonly command: "help" | "version"; readonly text: string };

export interface ConfigInput {
  /** The environment; only `GATEWAY_…` is read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The arguments after the program's name. */
  readonly args: readonly string[];
  /** Reads a whole text file, and throws if it cannot. */
  readonly readTextFile: ReadTextFile;
}

type Given = GivenOptions<keyof typeof OPTIONS>;

interface Flags {
  readonly texts: ReadonlyMap<string, GivenText>;
  readonly mock: boolean;
}

const ENV_PREFIX = "GATEWAY_";
const COMMAND_FLAGS = ["--mock", "--help", "--version"];
const COMMANDS = ["certify", "token"];
/** Options that `--mock` refuses, because the test server has no such thing. */
const OF_A_DEPLOYMENT = [
  "jwtSecret",
  "jwksUrl",
  "natsUrl",
  "apiPort",
  "webhookUrl",
  "publishKeyPrevious",
] as const;
const KEYS_BY_ENV: ReadonlyMap<string, string> = new Map(
  Object.keys(OPTIONS).map((key) => [envName(key), key]),
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
  const texts = new Map([...readEnv(env), ...flags.texts]);
  const given: Given = new GivenOptions(texts, readTextFile);
  const values = parseValues(texts);
  checkBuffers(values, given);
  const { jwtSecret, jwtSecretPrevious, jwksUrl, tlsCert, tlsKey, ...rest } = values;
  const auth = resolveAuth({ jwtSecret, jwtSecretPrevious, jwksUrl }, given);
  if (flags.mock) checkMock(given, values.console);
  if (auth.mode === "mock") {
    checkLoopback("host", { values, given });
    checkLoopback("apiHost", { values, given });
  }
  const publishKey = resolvePublishKey({ values, given, development: auth.mode === "mock" });
  const tls = given.readKeyPair({ cert: ["tlsCert", tlsCert], key: ["tlsKey", tlsKey] });
  const nats = resolveNats(values, given);
  const webhooks = resolveWebhooks(values, given);
  const api = resolveApi(values, given);
  const command = flags.mock ? "mock" : "serve";
  const transport = values.transport !== "auto"
    ? values.transport
    : auth.mode === "mock" && !flags.mock
    ? "deno"
    : "node";
  const asked = values.console === "on";
  // By default only with the mock issuer, where nothing on the console is secret.
  const console = asked || (values.console === "auto" && auth.mode === "mock");
  // The publish key of a development start is public, so DNS rebinding must be prevented: http/host.ts.
  const allowAnyHost = asked || auth.mode !== "mock";
  const resolved = { auth, publishKey, transport, api, console, allowAnyHost, tls, nats, webhooks };
  return { command, config: { ...rest, ...resolved } };
}

/** The options that concern tokens. */
export type TokenConfig = Pick<
  Config,
  "auth" | "jwtIssuer" | "jwtAudience" | "clockToleranceMs" | "maxFrameBytes"
>;

/**
 * Reads the options that concern tokens from the environment, and does not ask for those of a server. The
 * command `token` has no flags for them.
 *
 * @throws {OperationalError} `bad_configuration`
 */
export function parseTokenConfig({ env, readTextFile }: Omit<ConfigInput, "args">): TokenConfig {
  const texts = readEnv(env);
  const values = parseValues(texts);
  return { ...values, auth: resolveAuth(values, new GivenOptions(texts, readTextFile)) };
}

function parseValues(texts: ReadonlyMap<string, GivenText>): OptionValues {
  const entries = Object.entries<Option>(OPTIONS).map(([key, option]) => {
    const text = texts.get(key);
    return [key, text === undefined ? option.default : parseValue(option, text)];
  });
  // The one cast: each value was just made by the row that its type is derived from.
  return Object.fromEntries(entries) as OptionValues;
}

/** The value of every option that is not set. */
export const DEFAULTS: OptionValues = parseValues(new Map());

function readEnv(env: ConfigInput["env"]): Map<string, GivenText> {
  const texts = new Map<string, GivenText>();
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX)) continue;
    const key = KEYS_BY_ENV.get(name);
    if (key === undefined) throw unknown(name, [...KEYS_BY_ENV.keys()]);
    // Empty counts as not set, because that is what `VARIABLE=${OTHER:-}` leaves behind.
    if (text !== undefined && text !== "") texts.set(key, { name, text });
  }
  return texts;
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
  const texts = new Map<string, GivenText>();
  let mock = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw notAnOption(token.value, (given[token.index]?.[0] ?? token.index) + 1);
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
    texts.set(key, { name, text });
  }
  return { texts, mock };
}

function resolveAuth(
  values: Pick<OptionValues, "jwtSecret" | "jwtSecretPrevious" | "jwksUrl">,
  given: Given,
): AuthConfig {
  const { jwtSecret, jwtSecretPrevious: previous, jwksUrl } = values;
  const secretName = given.nameOf("jwtSecret");
  const jwksName = given.nameOf("jwksUrl");
  if (jwtSecret !== undefined && jwksUrl !== undefined) {
    throw configError(jwksName, `cannot be set together with ${secretName}`);
  }
  checkSecrets({ values, given });
  if (jwtSecret !== undefined) {
    return { mode: "secret", secret: jwtSecret, ...previous === undefined ? {} : { previous } };
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
function checkMock(given: Given, choice: OptionValues["console"]): void {
  if (choice === "on") {
    throw configError(
      "--mock",
      `has no console and cannot be used with ${given.nameOf("console")}=on`,
    );
  }
  const real = given.first(...OF_A_DEPLOYMENT);
  if (real === undefined) return;
  throw configError("--mock", `is for tests and cannot be used together with ${real.name}`);
}

function checkLoopback(
  key: "host" | "apiHost",
  { values, given }: { readonly values: OptionValues; readonly given: Given },
): void {
  const host = values[key];
  if (isLoopback(host)) return;
  throw configError(
    given.nameOf(key),
    `is ${quoted(host)}, but the mock issuer admits anyone and runs only on 127.0.0.1, ::1 or ` +
      `localhost; set ${envName("jwtSecret")} or ${envName("jwksUrl")}`,
  );
}

/** The address of everything but clients, if it has a port of its own. */
function resolveApi(
  { host, port, apiHost, apiPort }: OptionValues,
  given: Given,
): Config["api"] {
  const name = given.nameOf("apiPort");
  if (apiPort === undefined) {
    const unused = given.get("apiHost");
    if (unused !== undefined) throw configError(unused.name, `has no effect without ${name}`);
    return undefined;
  }
  if (apiPort !== 0 && apiPort === port && apiHost === host) {
    throw configError(
      name,
      `is ${apiPort}, the same as ${given.nameOf("port")}, expected another port`,
    );
  }
  return { host: apiHost, port: apiPort };
}

function checkBuffers(values: OptionValues, given: Given): void {
  const least = 2 * values.maxMessageBytes;
  if (values.maxBufferedBytes >= least) return;
  throw configError(
    given.nameOf("maxBufferedBytes"),
    `is ${values.maxBufferedBytes}, expected at least ${least}, twice ` +
      `${given.nameOf("maxMessageBytes")}, or one message could close a client`,
  );
}

/** Checks that only this machine can reach `host`; an IPv6 address may have a URL's brackets. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" ||
    (isIPv4(host) && host.startsWith("127."));
}

function unknown(name: string, known: readonly string[]): OperationalError {
  const meant = nearest(name, known, name.startsWith("--") ? "--" : ENV_PREFIX);
  const hint = meant === undefined ? "--help lists all" : `did you mean ${meant}?`;
  return configError(name, `is not an option; ${hint}`);
}

/** @param text not repeated: it may be the rest of a secret that was not quoted */
function notAnOption(text: string, place: number): OperationalError {
  const meant = nearest(text, COMMANDS) ??
    nearest(`--${text}`, [...KEYS_BY_FLAG.keys(), ...COMMAND_FLAGS], "--");
  const hint = meant === undefined
    ? `options begin with --; the commands are ${COMMANDS.join(" and ")}`
    : text === meant
    ? "a command comes first"
    : `did you mean ${meant}?`;
  return configError(`argument ${place}`, `is not an option; ${hint}`);
}
