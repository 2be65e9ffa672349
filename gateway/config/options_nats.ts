/**
 * The options for NATS, which belong to the table in `options.ts`.
 *
 * @module
 */

import type { Option } from "./option_types.ts";

/** The options for NATS by the key under which the configuration has them. */
export const NATS_OPTIONS = {
  natsUrl: {
    env: "GATEWAY_NATS_URL",
    group: "NATS",
    type: "servers",
    default: [],
    doc: "NATS servers, separated by commas; one of a cluster is enough to find the others. " +
      "Stores messages in JetStream instead of `GATEWAY_LOG`, so that many gateways can " +
      "serve the same users. Without user and password, which have their own options.",
  },
  natsStream: {
    env: "GATEWAY_NATS_STREAM",
    group: "NATS",
    type: "word",
    default: "emagine",
    doc: "Name of the stream, created if missing; the same for all gateways of a deployment.",
  },
  natsSubject: {
    env: "GATEWAY_NATS_SUBJECT",
    group: "NATS",
    type: "word",
    default: "emagine",
    doc: "Prefix of the gateways' subjects; the same for all gateways of a deployment.",
  },
  natsReplicas: {
    env: "GATEWAY_NATS_REPLICAS",
    group: "NATS",
    type: "integer",
    min: 1,
    max: 5,
    default: 1,
    doc: "Number of servers that store each message; 3 survives the loss of one.",
  },
  natsUser: {
    env: "GATEWAY_NATS_USER",
    group: "NATS",
    type: "string",
    doc: "NATS user; needs `GATEWAY_NATS_PASSWORD`.",
  },
  natsPassword: {
    env: "GATEWAY_NATS_PASSWORD",
    group: "NATS",
    type: "secret",
    doc: "Password of `GATEWAY_NATS_USER`.",
  },
  natsToken: {
    env: "GATEWAY_NATS_TOKEN",
    group: "NATS",
    type: "secret",
    doc: "NATS token, instead of a user.",
  },
  natsNkeySeed: {
    env: "GATEWAY_NATS_NKEY_SEED",
    group: "NATS",
    type: "secret",
    doc: "Seed of the NATS nkey, instead of a user; begins with `SU`.",
  },
  natsTlsCa: {
    env: "GATEWAY_NATS_TLS_CA",
    group: "NATS",
    type: "path",
    doc: "PEM file of the certificate authorities to trust for NATS, instead of the system's.",
  },
  natsTlsCert: {
    env: "GATEWAY_NATS_TLS_CERT",
    group: "NATS",
    type: "path",
    doc: "PEM file of the gateway's client certificate for NATS; needs `GATEWAY_NATS_TLS_KEY`.",
  },
  natsTlsKey: {
    env: "GATEWAY_NATS_TLS_KEY",
    group: "NATS",
    type: "path",
    doc: "PEM file of that certificate's private key.",
  },
} as const satisfies Readonly<Record<string, Option>>;
