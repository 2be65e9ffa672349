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
    doc: "Address to listen on; `0.0.0.0` or `::` for every interface. Must be loopback with " +
      "the mock issuer.",
  },
  port: {
    env: "GATEWAY_PORT",
    group: "Listening",
    type: "integer",
    min: 0,
    max: 65_535,
    default: 8000,
    doc: "TCP port to listen on; 0 picks a free one and logs it.",
  },
  transport: {
    env: "GATEWAY_TRANSPORT",
    group: "Listening",
    type: "enum",
    choices: ["auto", "deno", "node"],
    default: "auto",
    doc: "`node` is node:http with ws, `deno` is Deno.serve. `auto` is `node` with a real " +
      "issuer or `--mock`. On `deno`, one misbehaving client can stall all others; see " +
      "docs/operations.md.",
  },
  apiHost: {
    env: "GATEWAY_API_HOST",
    group: "Listening",
    type: "host",
    default: "127.0.0.1",
    doc: "Address to listen on for `GATEWAY_API_PORT`.",
  },
  apiPort: {
    env: "GATEWAY_API_PORT",
    group: "Listening",
    type: "integer",
    min: 0,
    max: 65_535,
    doc: "Separate TCP port for everything but clients: the backend's routes, `/metrics`, the " +
      "API documents and the console. `GATEWAY_PORT` then serves only `/gateway`, `/health` " +
      "and the mock issuer. Unless set, `GATEWAY_PORT` serves all. 0 picks a free port and " +
      "logs it.",
  },
  tlsCert: {
    env: "GATEWAY_TLS_CERT",
    group: "Listening",
    type: "path",
    doc: "PEM file of the certificate chain; together with `GATEWAY_TLS_KEY` serves HTTPS and " +
      "WSS.",
  },
  tlsKey: {
    env: "GATEWAY_TLS_KEY",
    group: "Listening",
    type: "path",
    doc: "PEM file of the certificate's private key.",
  },
  trustedProxies: {
    env: "GATEWAY_TRUSTED_PROXIES",
    group: "Listening",
    type: "integer",
    min: 0,
    max: 16,
    default: 0,
    doc: "Number of reverse proxies in front. The client's address is that many entries from " +
      "the right of `X-Forwarded-For`; with 0 the header is ignored.",
  },
  allowedOrigins: {
    env: "GATEWAY_ALLOWED_ORIGINS",
    group: "Listening",
    type: "origins",
    default: [],
    doc: "Web origins whose pages may connect, separated by commas. If empty, all may. Clients " +
      "that send no `Origin`, such as mobile apps, always may. A leading `*` stands for one " +
      "label: `https://*.example.com` allows `https://a.example.com`, but neither " +
      "`https://example.com` nor `https://a.b.example.com`.",
  },
  console: {
    env: "GATEWAY_CONSOLE",
    group: "Listening",
    type: "enum",
    choices: ["auto", "on", "off"],
    default: "auto",
    doc: "Serves the console, a web page that shows what the gateway does, at `/`: `auto` with " +
      "the mock issuer only, `on` always. With the mock issuer, unless this is `on`, the " +
      "gateway answers only to IP addresses, `localhost` and other names that cannot be " +
      "registered. If `GATEWAY_ALLOWED_ORIGINS` is set, include the console's origin.",
  },
} as const satisfies Readonly<Record<string, Option>>;
