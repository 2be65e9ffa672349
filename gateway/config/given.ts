/**
 * The options as an operator gave them, the files that they name, and errors about them. No message has the
 * value of a secret.
 *
 * @module
 */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { OperationalError } from "../errors.ts";
import { envName } from "./option_types.ts";

/** The text of an option and the name under which it was given: `GATEWAY_PORT` or `--port`. */
export interface GivenText {
  readonly name: string;
  readonly text: string;
}

/** Reads a whole text file, and throws if it cannot. */
export type ReadTextFile = (path: string) => string;

/** An option that names a file: its key and the path, if it is set. */
type FileOption<Key> = readonly [key: Key, path: string | undefined];

/** The options that were given, by key. */
export class GivenOptions<Key extends string> {
  readonly #texts: ReadonlyMap<string, GivenText>;
  readonly #readTextFile: ReadTextFile;

  constructor(texts: ReadonlyMap<string, GivenText>, readTextFile: ReadTextFile) {
    this.#texts = texts;
    this.#readTextFile = readTextFile;
  }

  get(key: Key): GivenText | undefined {
    return this.#texts.get(key);
  }

  /** The first of `keys` that was given. */
  first(...keys: readonly Key[]): GivenText | undefined {
    return keys.map((key) => this.get(key)).find((text) => text !== undefined);
  }

  /** The name for messages: the one that the operator used, else the variable. */
  nameOf(key: Key): string {
    return this.get(key)?.name ?? envName(key);
  }

  /** The certificate or the private key in the file at `path`, which option `key` names. */
  readPem(key: Key, path: string, kind: "certificate" | "private key"): string {
    const name = this.nameOf(key);
    const text = this.#read(key, path);
    if (kind === "certificate" && !/-----BEGIN CERTIFICATE-----/.test(text)) {
      throw configError(name, `names ${quoted(path)}, expected a certificate in PEM`);
    }
    if (kind === "private key" && !/-----BEGIN (?:RSA |EC )?PRIVATE KEY-----/.test(text)) {
      throw configError(
        name,
        `names ${quoted(path)}, expected a private key in PEM, not encrypted`,
      );
    }
    return text;
  }

  /** A certificate with its key, from the files that two options name; both or none. */
  readKeyPair(
    { cert: [certKey, cert], key: [keyKey, key] }: {
      readonly cert: FileOption<Key>;
      readonly key: FileOption<Key>;
    },
  ): { readonly cert: string; readonly key: string } | undefined {
    const certName = this.nameOf(certKey);
    const keyName = this.nameOf(keyKey);
    if (cert === undefined && key === undefined) return undefined;
    if (key === undefined) throw configError(keyName, `is not set, but ${certName} is`);
    if (cert === undefined) throw configError(certName, `is not set, but ${keyName} is`);
    // A missing file is reported before a wrong one.
    this.#read(certKey, cert);
    this.#read(keyKey, key);
    const pair = {
      cert: this.readPem(certKey, cert, "certificate"),
      key: this.readPem(keyKey, key, "private key"),
    };
    // node:https would listen with a pair that does not match, and fail every handshake.
    const certificate = this.#parsed(certKey, cert, () => new X509Certificate(pair.cert));
    const privateKey = this.#parsed(keyKey, key, () => createPrivateKey(pair.key));
    if (belongTogether(certificate, privateKey)) return pair;
    throw configError(
      keyName,
      `names ${quoted(key)}, which is not the private key of the certificate in ${certName}`,
    );
  }

  #parsed<T extends X509Certificate | KeyObject>(key: Key, path: string, parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      const name = this.nameOf(key);
      const reason = firstLine(cause);
      throw configError(name, `names ${quoted(path)}, which cannot be parsed: ${reason}`, {
        cause,
      });
    }
  }

  #read(key: Key, path: string): string {
    try {
      return this.#readTextFile(path);
    } catch (cause) {
      throw configError(
        this.nameOf(key),
        `names ${quoted(path)}, which cannot be read: ${firstLine(cause)}`,
        {
          cause,
        },
      );
    }
  }
}

function belongTogether(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    // Deno 2.4 does not implement it; there, Deno.serve refuses such a pair.
    return true;
  }
}

export function configError(name: string, what: string, options?: ErrorOptions): OperationalError {
  return new OperationalError("bad_configuration", `${name} ${what}`, options);
}

/** A value in quotes, on one line, shortened to 100 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function firstLine(cause: unknown): string {
  return String(cause instanceof Error ? cause.message : cause).split("\n")[0] ?? "";
}
