/**
 * The options for listening, which belong to the table in `options.ts`.
 *
 * @module
 */

import type { Option } from "./option_types.ts";

/** The options for listening by the key under which the configuration has them. */
export const LISTENING_OPTIONS = {
  host: {
    env: "GATEWAY_HOST",
    group: "Listening",
    type: "host",
    default: "127.0.0.1",
    doc: "Address to listen on; `0.0.0.0` or `::` for every interface. " +
      "Must be a loopback address while the mock issuer is on.",
  },
  port: {
    env: "GATEWAY_PORT",
    group: "Listening",
    type: "integer",
    min: 0,
    max: 65_535,
    default: 8000,
    doc: "TCP port to listen on; 0 takes a free one and logs it.",
  },
  transport: {
    env: "GATEWAY_TRANSPORT",
    group: "Listening",
    type: "enum",
    choices: ["auto", "deno", "node"],
    default: "auto",
    doc:
      "What serves clients: `node` is node:http with ws, `deno` is Deno.serve. `auto` is `node` " +
      "wherever strangers connect: with a real issuer, and with `--mock`. `deno` lets one client " +
      "that misbehaves stop all others; see docs/operations.md.",
  },
  apiHost: {
    env: "GATEWAY_API_HOST",
    group: "Listening",
    type: "host",
    default: "127.0.0.1",
    doc: "Address for `GATEWAY_API_PORT` to listen on.",
  },
  apiPort: {
    env: "GATEWAY_API_PORT",
    group: "Listening",
    type: "integer",
    min: 0,
    max: 65_535,
    doc:
      "TCP port for everything but clients: the backend's routes, `/metrics`, the documents and " +
      "the console. `GATEWAY_PORT` then has `/gateway`, `/health` and the mock issuer alone. " +
      "Without it, one port has all. 0 takes a free one and logs it.",
  },
  tlsCert: {
    env: "GATEWAY_TLS_CERT",
    group: "Listening",
    type: "path",
    doc:
      "PEM file with the certificate chain; serves HTTPS and WSS together with `GATEWAY_TLS_KEY`.",
  },
  tlsKey: {
    env: "GATEWAY_TLS_KEY",
    group: "Listening",
    type: "path",
    doc: "PEM file with the private key of the certificate.",
  },
  trustedProxies: {
    env: "GATEWAY_TRUSTED_PROXIES",
    group: "Listening",
    type: "integer",
    min: 0,
    max: 16,
    default: 0,
    doc:
      "How many reverse proxies stand in front. The client's address is that many entries from " +
      "the right of `X-Forwarded-For`; with 0 the header is ignored.",
  },
  allowedOrigins: {
    env: "GATEWAY_ALLOWED_ORIGINS",
    group: "Listening",
    type: "origins",
    default: [],
    doc: "Web origins whose pages may connect, separated by commas. Empty allows every origin; " +
      "clients that send no `Origin`, such as apps, are always allowed. A `*` in front stands for " +
      "one label: `https://*.example.com` allows `https://a.example.com`, but neither " +
      "`https://example.com` nor `https://a.b.example.com`.",
  },
  console: {
    env: "GATEWAY_CONSOLE",
    group: "Listening",
    type: "enum",
    choices: ["auto", "on", "off"],
    default: "auto",
    doc:
      "Serves the console, a web page that shows what the gateway does, at `/`. `auto` serves it " +
      "while the mock issuer is on; `on` serves it with a real issuer too. " +
      "With the mock issuer the gateway answers only as an address, `localhost` or another name " +
      "that nobody can register, unless this is `on`. " +
      "Where `GATEWAY_ALLOWED_ORIGINS` is set, it needs the console's origin too.",
  },
} as const satisfies Readonly<Record<string, Option>>;
