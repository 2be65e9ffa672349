/**
 * What the parts of the configuration share: texts as they were given, and what is said of bad ones.
 *
 * No message ever has the value of a secret.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import { type OptionKey, OPTIONS } from "./options.ts";

/** The text of an option and the name under which it was given: `GATEWAY_PORT` or `--port`. */
export interface Setting {
  /** The variable or the flag. */
  readonly name: string;
  /** What it was set to. */
  readonly text: string;
}

/** What was given, by the key of its option. */
export type Settings = ReadonlyMap<string, Setting>;

/** Reads a whole text file, and throws if it cannot. */
export type ReadTextFile = (path: string) => string;

/** The name by which to speak of an option: as the operator gave it, else its variable. */
export function nameOf(key: OptionKey, settings: Settings): string {
  return settings.get(key)?.name ?? OPTIONS[key].env;
}

/** The error for an option. */
export function configError(name: string, what: string, options?: ErrorOptions): OperationalError {
  return new OperationalError("bad_configuration", `${name} ${what}`, options);
}

/** A value in quotes, on one line and of a length that a terminal takes. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

/** The text of the file that the option `name` names. */
function readOptionFile(path: string, name: string, readTextFile: ReadTextFile): string {
  try {
    return readTextFile(path);
  } catch (cause) {
    throw configError(name, `names ${quoted(path)}, which cannot be read: ${firstLine(cause)}`, {
      cause,
    });
  }
}

/** The certificate or the private key in the file that the option `name` names. */
export function readPem(
  path: string,
  { name, kind, readTextFile }: {
    readonly name: string;
    readonly kind: "certificate" | "private key";
    readonly readTextFile: ReadTextFile;
  },
): string {
  const text = readOptionFile(path, name, readTextFile);
  if (kind === "certificate" && !/-----BEGIN CERTIFICATE-----/.test(text)) {
    throw configError(name, `names ${quoted(path)}, expected a certificate in PEM`);
  }
  if (kind === "private key" && !/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/.test(text)) {
    throw configError(name, `names ${quoted(path)}, expected a private key in PEM, not encrypted`);
  }
  return text;
}

/** A certificate with its key, from the files that two options name; both or none. */
export function readKeyPair(
  { certKey, keyKey, cert, key }: {
    readonly certKey: OptionKey;
    readonly keyKey: OptionKey;
    readonly cert: string | undefined;
    readonly key: string | undefined;
  },
  { settings, readTextFile }: { readonly settings: Settings; readonly readTextFile: ReadTextFile },
): { readonly cert: string; readonly key: string } | undefined {
  const certName = nameOf(certKey, settings);
  const keyName = nameOf(keyKey, settings);
  if (cert === undefined && key === undefined) return undefined;
  if (key === undefined) throw configError(keyName, `is not set, but ${certName} is`);
  if (cert === undefined) throw configError(certName, `is not set, but ${keyName} is`);
  // A file that is missing says more than one that is there and wrong.
  readOptionFile(cert, certName, readTextFile);
  readOptionFile(key, keyName, readTextFile);
  return {
    cert: readPem(cert, { name: certName, kind: "certificate", readTextFile }),
    key: readPem(key, { name: keyName, kind: "private key", readTextFile }),
  };
}

function firstLine(cause: unknown): string {
  return String(cause instanceof Error ? cause.message : cause).split("\n")[0] ?? "";
}
