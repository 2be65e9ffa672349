/**
 * The table of options: every setting of the gateway with its variable, its type, its default and what
 * it is for. `config.ts` reads by it, `--help` and docs/operations.md are printed from it.
 *
 * Data and the types that follow from it; nothing is read or checked here.
 *
 * @module
 */

import { LISTENING_OPTIONS } from "./options_listening.ts";
import { NATS_OPTIONS } from "./options_nats.ts";
import type { EnumOption, IntegerOption, ListOption, Option } from "./option_types.ts";

export {
  type DescribedOption,
  type EnumOption,
  type IntegerOption,
  type ListOption,
  type Option,
  OPTION_GROUPS,
  type OptionGroup,
  type OptionUnit,
  type TextOption,
} from "./option_types.ts";

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

/** Every option by the key under which the configuration has it. */
export const OPTIONS = {
  ...LISTENING_OPTIONS,
  jwtSecret: {
    env: "GATEWAY_JWT_SECRET",
    group: "Tokens and keys",
    type: "secret",
    doc:
      "Secret shared with the app's backend, which signs tokens with HS256; at least 32 bytes. " +
      "Not together with `GATEWAY_JWKS_URL`; with neither, the mock issuer is on.",
  },
  jwksUrl: {
    env: "GATEWAY_JWKS_URL",
    group: "Tokens and keys",
    type: "url",
    doc: "Where the issuer publishes its public keys (JWKS). Must be https, or http on loopback.",
  },
  jwtIssuer: {
    env: "GATEWAY_JWT_ISSUER",
    group: "Tokens and keys",
    type: "string",
    doc: "The `iss` that tokens must have; not checked unless set.",
  },
  jwtAudience: {
    env: "GATEWAY_JWT_AUDIENCE",
    group: "Tokens and keys",
    type: "string",
    doc: "The `aud` that tokens must have; not checked unless set. " +
      "Set it if the issuer makes tokens for other services too.",
  },
  clockToleranceMs: {
    env: "GATEWAY_CLOCK_TOLERANCE_MS",
    group: "Tokens and keys",
    type: "integer",
    unit: "ms",
    min: 0,
    max: 5 * MINUTE_MS,
    default: 5000,
    doc:
      "How far the issuer's clock may be from this machine's when `exp` and `nbf` are checked. " +
      "Clocks that NTP disciplines differ by less than a second; 5 s covers one that has just " +
      "started or drifted, so that a new token is not refused as not valid yet, and lets an " +
      "expired one live hardly longer. Not used with the mock issuer, which has the gateway's clock.",
  },
  publishKey: {
    env: "GATEWAY_PUBLISH_KEY",
    group: "Tokens and keys",
    type: "secret",
    doc: "Key with which the app's backend calls the HTTP API; at least 16 characters. " +
      "Required, but while the mock issuer is on it is `dev` unless set.",
  },
  heartbeatIntervalMs: {
    env: "GATEWAY_HEARTBEAT_INTERVAL_MS",
    group: "Sessions",
    type: "integer",
    unit: "ms",
    min: 10,
    max: 60 * MINUTE_MS,
    default: 45_000,
    doc:
      "Time between two heartbeats of the server, and the time a client has to acknowledge one. " +
      "Clients may send 120 frames in 60 s: below 1,000 ms, one that acknowledges each heartbeat " +
      "and sends its own as often exceeds that and is closed with 4008; below about 700 ms the " +
      "client library, whose own are 2 s apart at least; below about 500 ms each that answers.",
  },
  identifyTimeoutMs: {
    env: "GATEWAY_IDENTIFY_TIMEOUT_MS",
    group: "Sessions",
    type: "integer",
    unit: "ms",
    min: 10,
    max: 10 * MINUTE_MS,
    default: 10_000,
    doc: "How long a client may take to identify before it is closed with 4004.",
  },
  verifyTimeoutMs: {
    env: "GATEWAY_VERIFY_TIMEOUT_MS",
    group: "Sessions",
    type: "integer",
    unit: "ms",
    min: 10,
    max: 10 * MINUTE_MS,
    default: 10_000,
    doc: "How long checking a token and finding the client's place may take before it is closed " +
      "with 1011.",
  },
  closeGraceMs: {
    env: "GATEWAY_CLOSE_GRACE_MS",
    group: "Sessions",
    type: "integer",
    unit: "ms",
    min: 0,
    max: MINUTE_MS,
    default: 1000,
    doc: "How long a client may take to answer a close before its connection is cut.",
  },
  drainMs: {
    env: "GATEWAY_DRAIN_MS",
    group: "Sessions",
    type: "integer",
    unit: "ms",
    min: 0,
    max: 60 * MINUTE_MS,
    default: 5000,
    doc:
      "On SIGTERM, SIGINT or SIGHUP, the time over which connections are closed with 1012, so that " +
      "clients do not all come back at once.",
  },
  maxConnections: {
    env: "GATEWAY_MAX_CONNECTIONS",
    group: "Limits",
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 50_000,
    doc: "Most connections in all; one more is closed with 1013.",
  },
  maxConnectionsPerIp: {
    env: "GATEWAY_MAX_CONNECTIONS_PER_IP",
    group: "Limits",
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 2000,
    doc: "Most connections from one address. Behind a proxy, set `GATEWAY_TRUSTED_PROXIES` too, " +
      "or all clients count as one address.",
  },
  maxUnidentified: {
    env: "GATEWAY_MAX_UNIDENTIFIED",
    group: "Limits",
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 5000,
    doc: "Most connections that have not identified yet, so that strangers cannot take the room " +
      "of users.",
  },
  connectRatePerIp: {
    env: "GATEWAY_CONNECT_RATE_PER_IP",
    group: "Limits",
    type: "integer",
    min: 1,
    max: 1_000_000,
    default: 200,
    doc: "Connections a second that one address may open in the long run; one more is refused " +
      "with 429, a second later. A connection counts as six whose token is refused, or that is " +
      "closed for a flood or a bad frame.",
  },
  connectBurstPerIp: {
    env: "GATEWAY_CONNECT_BURST_PER_IP",
    group: "Limits",
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 10_000,
    doc: "Connections that one address may open beyond that rate after a quiet time, such as all " +
      "clients of an office when a gateway has restarted.",
  },
  maxFrameBytes: {
    env: "GATEWAY_MAX_FRAME_BYTES",
    group: "Limits",
    type: "integer",
    unit: "bytes",
    min: 128,
    max: MIB,
    default: 4096,
    doc: "Longest frame that a client may send; a longer one is closed with 1009. " +
      "Tokens must fit.",
  },
  maxBufferedBytes: {
    env: "GATEWAY_MAX_BUFFERED_BYTES",
    group: "Limits",
    type: "integer",
    unit: "bytes",
    min: 4096,
    max: 1024 * MIB,
    default: MIB,
    doc: "Most bytes that may wait for one client to read; beyond, it is closed with 4009. " +
      "At least twice `GATEWAY_MAX_MESSAGE_BYTES`.",
  },
  maxMessageBytes: {
    env: "GATEWAY_MAX_MESSAGE_BYTES",
    group: "Limits",
    type: "integer",
    unit: "bytes",
    min: 1024,
    max: 16 * MIB,
    default: 65_536,
    doc: "Longest message that the backend may publish, as JSON.",
  },
  log: {
    env: "GATEWAY_LOG",
    group: "Messages",
    type: "enum",
    choices: ["sqlite", "memory"],
    default: "sqlite",
    doc: "Where messages are kept: `sqlite` survives a crash and a restart, `memory` does not.",
  },
  dataDir: {
    env: "GATEWAY_DATA_DIR",
    group: "Messages",
    type: "path",
    default: "./data",
    doc: "Directory of the SQLite log; made if it is missing. One process at a time.",
  },
  logSync: {
    env: "GATEWAY_LOG_SYNC",
    group: "Messages",
    type: "enum",
    choices: ["full", "normal"],
    default: "full",
    doc: "`full` answers a publish once it is on disk. `normal` is faster, and may lose the last " +
      "messages when the power fails, though not when the process does.",
  },
  retentionHours: {
    env: "GATEWAY_RETENTION_HOURS",
    group: "Messages",
    type: "integer",
    unit: "hours",
    min: 1,
    max: 87_600,
    default: 24,
    doc: "How long messages are kept, which is how long a client may be away and still resume.",
  },
  retentionBytes: {
    env: "GATEWAY_RETENTION_BYTES",
    group: "Messages",
    type: "integer",
    unit: "bytes",
    min: MIB,
    max: 1024 * 1024 * 1024 * MIB,
    default: 1024 * MIB,
    doc: "Most space that the log takes, on disk or in memory; the oldest messages go first.",
  },
  ...NATS_OPTIONS,
  logLevel: {
    env: "GATEWAY_LOG_LEVEL",
    group: "Logging",
    type: "enum",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    doc: "The least severe log lines that are written.",
  },
  logFormat: {
    env: "GATEWAY_LOG_FORMAT",
    group: "Logging",
    type: "enum",
    choices: ["auto", "json", "text"],
    default: "auto",
    doc: "`json` writes one object a line, `text` is for people; `auto` is text on a terminal.",
  },
} as const satisfies Readonly<Record<string, Option>>;

/** The key of an option. */
export type OptionKey = keyof typeof OPTIONS;

/** The type of the value of a row. */
export type OptionValue<O extends Option> = O extends IntegerOption
  ? O extends { readonly default: number } ? number : number | undefined
  : O extends EnumOption ? O["choices"][number]
  : O extends ListOption ? readonly string[]
  : O extends { readonly default: string } ? string
  : string | undefined;

/** A value for every option. */
export type OptionValues = {
  readonly [K in OptionKey]: OptionValue<(typeof OPTIONS)[K]>;
};

/** The flag of an option: its key in kebab case, such as `--tls-cert`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
