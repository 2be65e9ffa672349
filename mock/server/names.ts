/**
 * Translates the names of fields between TypeScript and JSON: `delayMs` is `delay_ms` over HTTP.
 *
 * @module
 */

import { withoutUndefined } from "../gateway/input.ts";

type Snake<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Uppercase<First> ? `_${Lowercase<First>}` : First}${Snake<Rest>}`
  : S;

/** `T` as JSON names its fields. */
export type InJson<T> = { [K in keyof T & string as Snake<K>]: T[K] };

export function toJsonNames<T extends object>(fields: T): InJson<T> {
  const rename = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return renamed(fields, rename) as InJson<T>;
}

/** Leaves out fields that are undefined. */
export function fromJsonNames<T extends object>(
  fields: { readonly [K in keyof InJson<T>]?: InJson<T>[K] | undefined },
): Partial<T> {
  const rename = (name: string) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return renamed(withoutUndefined(fields), rename) as Partial<T>;
}

function renamed(fields: object, rename: (name: string) => string): object {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [rename(name), value]));
}
