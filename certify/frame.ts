/**
 * Reads JSON objects: frames, and lines that the client prints.
 *
 * @module
 */

import type { Json } from "../gateway/ports.ts";

/** A frame as an object. */
export type Frame = Readonly<Record<string, Json>>;

/** The object that `text` is; `{}` if it is none. */
export function parseFrame(text: string): Frame {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
