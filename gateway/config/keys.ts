/**
 * The rules of the publish key and the JWT secret. Each may have a predecessor, which is accepted beside it while
 * an operator replaces it, under the same rules. No message has a key.
 *
 * @module
 */

import { configError, type GivenOptions } from "./given.ts";

/** The publish key of a development start; it is public. */
export const DEVELOPMENT_PUBLISH_KEY = "dev";

/** HS256 wants a key as long as its hash (RFC 7518, section 3.2). */
const MIN_SECRET_BYTES = 32;
const MIN_PUBLISH_KEY_LENGTH = 16;

type Key = "publishKey" | "jwtSecret";
type KeyOption = Key | `${Key}Previous`;

interface Deps {
  readonly values: Readonly<Partial<Record<KeyOption, string | undefined>>>;
  readonly given: Pick<GivenOptions<KeyOption>, "nameOf">;
}

/** Checks `jwtSecret` and `jwtSecretPrevious`, if they are set. */
export function checkSecrets(deps: Deps): void {
  checkBoth("jwtSecret", deps, (secret, name) => {
    if (new TextEncoder().encode(secret).byteLength >= MIN_SECRET_BYTES) return;
    throw configError(name, `is too short, expected at least ${MIN_SECRET_BYTES} bytes`);
  });
}

/** Checks `publishKey` and `publishKeyPrevious`, and returns the first or its default. */
export function resolvePublishKey(
  { development, ...deps }: Deps & { readonly development: boolean },
): string {
  checkBoth("publishKey", deps, (key, name) => {
    if (!/^[\x21-\x7e]+$/.test(key)) {
      throw configError(
        name,
        "contains characters not allowed in an HTTP header, expected printable ASCII",
      );
    }
    if (development || key.length >= MIN_PUBLISH_KEY_LENGTH) return;
    throw configError(name, `is too short, expected at least ${MIN_PUBLISH_KEY_LENGTH} characters`);
  });
  const { values: { publishKey }, given } = deps;
  if (publishKey !== undefined) return publishKey;
  if (development) return DEVELOPMENT_PUBLISH_KEY;
  throw configError(
    given.nameOf("publishKey"),
    "is not set, expected the key of the app's backend",
  );
}

function checkBoth(
  key: Key,
  { values, given }: Deps,
  check: (value: string, name: string) => void,
): void {
  const { [key]: value, [`${key}Previous` as const]: previous } = values;
  const name = given.nameOf(key);
  if (value !== undefined) check(value, name);
  if (previous === undefined) return;
  const previousName = given.nameOf(`${key}Previous`);
  if (value === undefined) throw configError(name, `is not set, but ${previousName} is`);
  if (value === previous) {
    throw configError(previousName, `is the same as ${name}, expected the key that it replaces`);
  }
  check(previous, previousName);
}
