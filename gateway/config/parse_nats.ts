/**
 * The settings for NATS, checked against each other.
 *
 * @module
 */

import {
  configError,
  nameOf,
  readKeyPair,
  readPem,
  type ReadTextFile,
  type Settings,
} from "./sources.ts";
import type { NatsOptions } from "../cluster/nats_options.ts";
import type { OptionKey, OptionValues } from "./options.ts";
import { NATS_OPTIONS } from "./options_nats.ts";

/** The keys of the options for NATS. */
export type NatsKey = keyof typeof NATS_OPTIONS;

/** What the settings say of NATS; nothing if messages are not kept there. */
export function chooseNats(
  values: Pick<OptionValues, NatsKey>,
  input: { readonly settings: Settings; readonly readTextFile: ReadTextFile },
): NatsOptions | undefined {
  const { settings } = input;
  const url = nameOf("natsUrl", settings);
  if (values.natsUrl.length === 0) {
    const [lost] = Object.keys(NATS_OPTIONS).filter((key) => settings.has(key));
    if (lost === undefined) return undefined;
    throw configError(settings.get(lost)?.name ?? lost, `has no effect without ${url}`);
  }
  const log = settings.get("log");
  if (log !== undefined) throw configError(log.name, `cannot be set together with ${url}`);
  const credentials = chooseCredentials(values, settings);
  const tls = readTls(values, input);
  return {
    servers: values.natsUrl,
    ...credentials === undefined ? {} : { credentials },
    ...tls === undefined ? {} : { tls },
  };
}

function chooseCredentials(
  values: Pick<OptionValues, NatsKey>,
  settings: Settings,
): NatsOptions["credentials"] {
  const { natsUser: user, natsPassword: password, natsToken: token, natsNkeySeed: seed } = values;
  const kinds: readonly OptionKey[] = ["natsUser", "natsToken", "natsNkeySeed"];
  const [first, second] = kinds.filter((key) => settings.has(key));
  if (first !== undefined && second !== undefined) {
    throw configError(
      nameOf(second, settings),
      `cannot be set together with ${nameOf(first, settings)}`,
    );
  }
  const userName = nameOf("natsUser", settings);
  const passwordName = nameOf("natsPassword", settings);
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
    throw configError(nameOf("natsNkeySeed", settings), "is not the seed of a user nkey");
  }
  return { kind: "nkey", seed };
}

function readTls(
  values: Pick<OptionValues, NatsKey>,
  { settings, readTextFile }: { readonly settings: Settings; readonly readTextFile: ReadTextFile },
): NatsOptions["tls"] {
  const { natsTlsCa, natsTlsCert: cert, natsTlsKey: key } = values;
  const pair = readKeyPair({ certKey: "natsTlsCert", keyKey: "natsTlsKey", cert, key }, {
    settings,
    readTextFile,
  });
  if (natsTlsCa === undefined) return pair;
  const name = nameOf("natsTlsCa", settings);
  return { ...pair, ca: readPem(natsTlsCa, { name, kind: "certificate", readTextFile }) };
}
