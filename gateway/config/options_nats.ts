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
    doc:
      "Keeps messages in NATS JetStream instead of `GATEWAY_LOG`, so that any number of gateways " +
      "can serve the same users. Its servers, separated by commas; one of a cluster is enough to " +
      "find the others. Without user and password, which have options of their own.",
  },
  natsStream: {
    env: "GATEWAY_NATS_STREAM",
    group: "NATS",
    type: "word",
    default: "emagine",
    doc: "Name of the stream; made if it is missing. The same for all gateways of a deployment.",
  },
  natsSubject: {
    env: "GATEWAY_NATS_SUBJECT",
    group: "NATS",
    type: "word",
    default: "emagine",
    doc: "What the subjects begin with that the gateways use. The same for all of a deployment.",
  },
  natsReplicas: {
    env: "GATEWAY_NATS_REPLICAS",
    group: "NATS",
    type: "integer",
    min: 1,
    max: 5,
    default: 1,
    doc: "On how many servers of the cluster each message is kept; 3 survives the loss of one.",
  },
  natsUser: {
    env: "GATEWAY_NATS_USER",
    group: "NATS",
    type: "string",
    doc: "User to log in to NATS as, together with `GATEWAY_NATS_PASSWORD`.",
  },
  natsPassword: {
    env: "GATEWAY_NATS_PASSWORD",
    group: "NATS",
    type: "secret",
    doc: "Password of that user.",
  },
  natsToken: {
    env: "GATEWAY_NATS_TOKEN",
    group: "NATS",
    type: "secret",
    doc: "Token to log in to NATS with, instead of a user.",
  },
  natsNkeySeed: {
    env: "GATEWAY_NATS_NKEY_SEED",
    group: "NATS",
    type: "secret",
    doc: "Seed of the nkey to log in to NATS with, instead of a user; it begins with `SU`.",
  },
  natsTlsCa: {
    env: "GATEWAY_NATS_TLS_CA",
    group: "NATS",
    type: "path",
    doc: "PEM file with the authorities that NATS's certificate may be from, instead of the usual.",
  },
  natsTlsCert: {
    env: "GATEWAY_NATS_TLS_CERT",
    group: "NATS",
    type: "path",
    doc: "PEM file with the gateway's certificate for NATS, together with `GATEWAY_NATS_TLS_KEY`.",
  },
  natsTlsKey: {
    env: "GATEWAY_NATS_TLS_KEY",
    group: "NATS",
    type: "path",
    doc: "PEM file with the private key of that certificate.",
  },
} as const satisfies Readonly<Record<string, Option>>;
