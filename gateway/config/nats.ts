/**
 * The options for NATS, which belong to the table in `options.ts`, and how they depend on each other.
 *
 * @module
 */

import type { NatsOptions } from "../cluster/nats_options.ts";
import { configError, type GivenOptions } from "./given.ts";
import type { OptionTable, ValuesOf } from "./option_types.ts";

export const NATS_OPTIONS = {
  natsUrl: {
    type: "servers",
    default: [],
    doc: "NATS servers, separated by commas; one of a cluster is enough to find the others. " +
      "Stores messages in JetStream instead of `GATEWAY_LOG`, so that many gateways can " +
      "serve the same users. Without user and password, which have their own options.",
  },
  natsStream: {
    type: "word",
    default: "emagine",
    doc: "Name of the stream, created if missing; the same for all gateways of a deployment.",
  },
  natsSubject: {
    type: "word",
    default: "emagine",
    doc: "Prefix of the gateways' subjects; the same for all gateways of a deployment.",
  },
  natsReplicas: {
    type: "integer",
    min: 1,
    max: 5,
    default: 1,
    doc: "Number of servers that store each message; 3 survives the loss of one.",
  },
  natsUser: {
    type: "string",
    doc: "NATS user; needs `GATEWAY_NATS_PASSWORD`.",
  },
  natsPassword: {
    type: "secret",
    doc: "Password of `GATEWAY_NATS_USER`.",
  },
  natsToken: {
    type: "secret",
    doc: "NATS token, instead of a user.",
  },
  natsNkeySeed: {
    type: "secret",
    doc: "Seed of the NATS nkey, instead of a user; begins with `SU`.",
  },
  natsTlsCa: {
    type: "path",
    doc: "PEM file of the certificate authorities to trust for NATS, instead of the system's.",
  },
  natsTlsCert: {
    type: "path",
    doc: "PEM file of the gateway's client certificate for NATS; needs `GATEWAY_NATS_TLS_KEY`.",
  },
  natsTlsKey: {
    type: "path",
    doc: "PEM file of that certificate's private key.",
  },
} as const satisfies OptionTable;

type NatsValues = ValuesOf<typeof NATS_OPTIONS>;
type NatsKey = keyof typeof NATS_OPTIONS;
type Given = GivenOptions<NatsKey | "log">;

const isKey = (key: string): key is NatsKey => Object.hasOwn(NATS_OPTIONS, key);
const KEYS = Object.keys(NATS_OPTIONS).filter(isKey);

/** The connection to NATS; `undefined` if messages are not stored there. */
export function resolveNats(
  values: NatsValues,
  given: Given,
): NatsOptions | undefined {
  const url = given.nameOf("natsUrl");
  if (values.natsUrl.length === 0) {
    const unused = given.first(...KEYS);
    if (unused === undefined) return undefined;
    throw configError(unused.name, `has no effect without ${url}`);
  }
  const log = given.get("log");
  if (log !== undefined) throw configError(log.name, `cannot be set together with ${url}`);
  const credentials = resolveCredentials(values, given);
  const tls = readTls(values, given);
  return {
    servers: values.natsUrl,
    ...credentials === undefined ? {} : { credentials },
    ...tls === undefined ? {} : { tls },
  };
}

function resolveCredentials(
  values: NatsValues,
  given: Given,
): NatsOptions["credentials"] {
  const { natsUser: user, natsPassword: password, natsToken: token, natsNkeySeed: seed } = values;
  const kinds = ["natsUser", "natsToken", "natsNkeySeed"] as const;
  const [first, second] = kinds.flatMap((key) => given.get(key) ?? []);
  if (first !== undefined && second !== undefined) {
    throw configError(second.name, `cannot be set together with ${first.name}`);
  }
  const userName = given.nameOf("natsUser");
  const passwordName = given.nameOf("natsPassword");
  if (user !== undefined && password === undefined) {
    throw configError(passwordName, `is not set, but ${userName} is`);
  }
  if (password !== undefined && user === undefined) {
    throw configError(userName, `is not set, but ${passwordName} is`);
  }
  if (user !== undefined && password !== undefined) return { kind: "user", user, password };
  if (token !== undefined) return { kind: "token", token };
  if (seed === undefined) return undefined;
  if (!/^SU[A-Z2-7]{56}$/.test(seed)) {
    throw configError(given.nameOf("natsNkeySeed"), "is not the seed of a user nkey");
  }
  return { kind: "nkey", seed };
}

function readTls(values: NatsValues, given: Given): NatsOptions["tls"] {
  const pair = given.readKeyPair({
    cert: ["natsTlsCert", values.natsTlsCert],
    key: ["natsTlsKey", values.natsTlsKey],
  });
  if (values.natsTlsCa === undefined) return pair;
  return { ...pair, ca: given.readPem("natsTlsCa", values.natsTlsCa, "certificate") };
}
