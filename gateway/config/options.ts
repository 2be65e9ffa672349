/**
 * The table of options; those for NATS and webhooks are in `nats.ts` and `webhooks.ts`. A key gives an option its variable and its flag:
 * `maxPings` is `GATEWAY_MAX_PINGS` and `--max-pings`. `parse.ts` reads by the table; `--help` and the table of
 * docs/reference.md are generated from it. Data only.
 *
 * @module
 */

import { NATS_OPTIONS } from "./nats.ts";
import type { OptionTable, ValuesOf } from "./option_types.ts";
import { WEBHOOK_OPTIONS } from "./webhooks.ts";

const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

const LISTENING = {
  host: {
    type: "host",
    default: "127.0.0.1",
    doc: "Address to listen on; `0.0.0.0` or `::` for every interface. Must be loopback with " +
      "the mock issuer.",
  },
  port: {
    type: "integer",
    min: 0,
    max: 65_535,
    default: 8000,
    doc: "TCP port to listen on; 0 picks a free one and logs it.",
  },
  transport: {
    type: "enum",
    choices: ["auto", "deno", "node"],
    default: "auto",
    doc: "`node` is node:http with ws, `deno` is Deno.serve. `auto` is `node` with a real " +
      "issuer or `--mock`. On `deno`, one misbehaving client can stall all others; see " +
      "docs/operations.md.",
  },
  apiHost: {
    type: "host",
    default: "127.0.0.1",
    doc: "Address to listen on for `GATEWAY_API_PORT`.",
  },
  apiPort: {
    type: "integer",
    min: 0,
    max: 65_535,
    doc: "Separate TCP port for everything but clients: the backend's routes, `/metrics`, the " +
      "API documents and the console. `GATEWAY_PORT` then serves only `/gateway`, `/health`, " +
      "`/health/live` and the mock issuer. Unless set, `GATEWAY_PORT` serves all. 0 picks a " +
      "free port and logs it.",
  },
  tlsCert: {
    type: "path",
    doc: "PEM file of the certificate chain; together with `GATEWAY_TLS_KEY` serves HTTPS and " +
      "WSS. SIGHUP reads both files again.",
  },
  tlsKey: {
    type: "path",
    doc: "PEM file of the certificate's private key.",
  },
  trustedProxies: {
    type: "integer",
    min: 0,
    max: 16,
    default: 0,
    doc: "Number of reverse proxies in front. The client's address is that many entries from " +
      "the right of `X-Forwarded-For`; with 0 the header is ignored.",
  },
  allowedOrigins: {
    type: "origins",
    default: [],
    doc: "Web origins whose pages may connect, separated by commas. If empty, all may. Clients " +
      "that send no `Origin`, such as mobile apps, always may. A leading `*` stands for one " +
      "label: `https://*.example.com` allows `https://a.example.com`, but neither " +
      "`https://example.com` nor `https://a.b.example.com`.",
  },
  console: {
    type: "enum",
    choices: ["auto", "on", "off"],
    default: "auto",
    doc: "Serves the console, a web page that shows what the gateway does, at `/`: `auto` with " +
      "the mock issuer only, `on` always. With the mock issuer, unless this is `on`, the " +
      "gateway answers only to IP addresses, `localhost` and other names that cannot be " +
      "registered. If `GATEWAY_ALLOWED_ORIGINS` is set, include the console's origin.",
  },
} as const satisfies OptionTable;

const TOKENS_AND_KEYS = {
  jwtSecret: {
    type: "secret",
    doc: "HS256 secret shared with the backend that signs tokens; at least 32 bytes. Not " +
      "together with `GATEWAY_JWKS_URL`. With neither, the mock issuer is on.",
  },
  jwtSecretPrevious: {
    type: "secret",
    doc: "The secret that `GATEWAY_JWT_SECRET` replaces. Tokens signed with it are still " +
      "accepted, and counted in `gateway_previous_key_uses_total`.",
  },
  jwksUrl: {
    type: "url",
    doc: "URL of the issuer's public keys (JWKS). Must be https, or http on loopback.",
  },
  jwtIssuer: {
    type: "string",
    doc: "Required `iss` of tokens; not checked unless set.",
  },
  jwtAudience: {
    type: "string",
    doc: "Required `aud` of tokens; not checked unless set. Set it if the issuer also serves " +
      "other services.",
  },
  clockToleranceMs: {
    type: "integer",
    unit: "ms",
    min: 0,
    max: 5 * MINUTE_MS,
    default: 5000,
    doc: "Tolerated difference between the issuer's clock and this machine's when `exp` and " +
      "`nbf` are checked. Clocks under NTP differ by less than a second; 5 s covers one that " +
      "has just started or drifted. Not used with the mock issuer, which has the gateway's " +
      "clock.",
  },
  revocationHours: {
    type: "integer",
    unit: "hours",
    min: 1,
    max: 87_600,
    default: 720,
    doc: "Time for which a revocation of tokens holds. Choose at least the life of your tokens: " +
      "one that lives longer is valid again afterwards.",
  },
  publishKey: {
    type: "secret",
    doc: "Key with which the app's backend calls the HTTP API; at least 16 characters. Required " +
      "with a real issuer; `dev` by default with the mock issuer.",
  },
  publishKeyPrevious: {
    type: "secret",
    doc: "The key that `GATEWAY_PUBLISH_KEY` replaces. It is still accepted, and its uses are " +
      "counted in `gateway_previous_key_uses_total`.",
  },
} as const satisfies OptionTable;

const SESSIONS = {
  heartbeatIntervalMs: {
    type: "integer",
    unit: "ms",
    min: 10,
    max: 60 * MINUTE_MS,
    default: 45_000,
    doc: "Time between two heartbeats of the server, and time for a client to acknowledge one. " +
      "Short intervals exceed the clients' limit of 120 frames in 60 s (4008): below 1,000 " +
      "ms for clients that also send heartbeats as often, below about 700 ms for the client " +
      "library, which sends its own at least 2 s apart, and below about 500 ms for every " +
      "client.",
  },
  identifyTimeoutMs: {
    type: "integer",
    unit: "ms",
    min: 10,
    max: 10 * MINUTE_MS,
    default: 10_000,
    doc: "Time for a client to identify; then it is closed with 4004.",
  },
  verifyTimeoutMs: {
    type: "integer",
    unit: "ms",
    min: 10,
    max: 10 * MINUTE_MS,
    default: 10_000,
    doc: "Time to verify a token and locate the start of the session; then the client is closed " +
      "with 1011.",
  },
  closeGraceMs: {
    type: "integer",
    unit: "ms",
    min: 0,
    max: MINUTE_MS,
    default: 1000,
    doc: "Time for a client to answer a close frame; then its connection is terminated.",
  },
  drainMs: {
    type: "integer",
    unit: "ms",
    min: 0,
    max: 60 * MINUTE_MS,
    default: 5000,
    doc: "Time over which connections are closed with 1012 when the gateway stops, so that " +
      "clients do not all return at once.",
  },
} as const satisfies OptionTable;

const LIMITS = {
  maxConnections: {
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 50_000,
    doc: "Most connections in total; further ones are closed with 1013.",
  },
  maxConnectionsPerIp: {
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 2000,
    doc: "Most connections from one address. Behind a proxy, set `GATEWAY_TRUSTED_PROXIES` too, " +
      "or all clients count as one address.",
  },
  maxUnidentified: {
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 5000,
    doc: "Most connections that have not identified yet, so that they cannot crowd out users.",
  },
  maxConnectionsPerUser: {
    type: "integer",
    min: 0,
    max: 10_000_000,
    default: 0,
    doc: "Most connections of one user, on all nodes together: a newer one replaces the oldest, " +
      "which is closed with 4011. 0 sets no limit.",
  },
  connectRatePerIp: {
    type: "integer",
    min: 1,
    max: 1_000_000,
    default: 200,
    doc: "Sustained rate of connections per second from one address; further ones get 429, " +
      "after a second. A connection counts as six if its token is refused, or if it is " +
      "closed for a flood or a bad frame.",
  },
  connectBurstPerIp: {
    type: "integer",
    min: 1,
    max: 10_000_000,
    default: 10_000,
    doc: "Connections that one address may open beyond that rate after a quiet time, such as " +
      "all clients of an office after a restart of the gateway.",
  },
  maxFrameBytes: {
    type: "integer",
    unit: "bytes",
    min: 128,
    max: MIB,
    default: 4096,
    doc: "Longest frame a client may send, token included; longer ones close with 1009.",
  },
  maxBufferedBytes: {
    type: "integer",
    unit: "bytes",
    min: 4096,
    max: 1024 * MIB,
    default: MIB,
    doc: "Most bytes buffered for one client; beyond that, it is closed with 4009. At least " +
      "twice `GATEWAY_MAX_MESSAGE_BYTES`.",
  },
  maxMessageBytes: {
    type: "integer",
    unit: "bytes",
    min: 1024,
    max: 16 * MIB,
    default: 65_536,
    doc: "Longest message the backend may publish, as JSON.",
  },
} as const satisfies OptionTable;

const MESSAGES = {
  log: {
    type: "enum",
    choices: ["sqlite", "memory"],
    default: "sqlite",
    doc: "Storage of messages: `sqlite` survives crashes and restarts, `memory` does not.",
  },
  dataDir: {
    type: "path",
    default: "./data",
    doc: "Directory of the SQLite log, created if missing. Only one process may use it.",
  },
  logSync: {
    type: "enum",
    choices: ["full", "normal"],
    default: "full",
    doc: "`full` answers a publish once it is on disk. `normal` is faster, but a power failure " +
      "may lose the last messages; a crash of the process does not.",
  },
  retentionHours: {
    type: "integer",
    unit: "hours",
    min: 1,
    max: 87_600,
    default: 24,
    doc: "How long messages are stored, and so how long a client may be away and still resume.",
  },
  retentionBytes: {
    type: "integer",
    unit: "bytes",
    min: MIB,
    max: 1024 * 1024 * 1024 * MIB,
    default: 1024 * MIB,
    doc: "Most space for the log, on disk or in memory; the oldest messages are deleted first.",
  },
} as const satisfies OptionTable;

const LOGGING = {
  logLevel: {
    type: "enum",
    choices: ["debug", "info", "warn", "error"],
    default: "info",
    doc: "Lowest severity of log lines that are written.",
  },
  logFormat: {
    type: "enum",
    choices: ["auto", "json", "text"],
    default: "auto",
    doc: "`json` writes one object per line, `text` is for people; `auto` is text on a terminal.",
  },
} as const satisfies OptionTable;

/** Headings of help and documentation, in order, with their options. */
export const OPTION_GROUPS: Readonly<Record<string, OptionTable>> = {
  Listening: LISTENING,
  "Tokens and keys": TOKENS_AND_KEYS,
  Sessions: SESSIONS,
  Limits: LIMITS,
  Messages: MESSAGES,
  Webhooks: WEBHOOK_OPTIONS,
  NATS: NATS_OPTIONS,
  Logging: LOGGING,
};

/** Every option by its key. */
export const OPTIONS = {
  ...LISTENING,
  ...TOKENS_AND_KEYS,
  ...SESSIONS,
  ...LIMITS,
  ...MESSAGES,
  ...WEBHOOK_OPTIONS,
  ...NATS_OPTIONS,
  ...LOGGING,
};

/** A value for every option. */
export type OptionValues = ValuesOf<typeof OPTIONS>;
