/**
 * Reads the claims of a JWT without verifying it.
 *
 * @module
 */

import { fieldOf } from "../client/realm.ts";

/** The claims that the console shows. */
export interface Claims {
  readonly user: string | undefined;
  readonly channels: readonly string[] | undefined;
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined;
}

/** Returns no claims for a text that is no JWT. */
export function claimsOf(token: string): Claims {
  const claims = payloadOf(token);
  const [sub, exp, channels] = ["sub", "exp", "channels"].map((name) => fieldOf(claims, name));
  return {
    user: typeof sub === "string" ? sub : undefined,
    channels: Array.isArray(channels) ? channels.map(String) : undefined,
    expiresAt: typeof exp === "number" ? exp * 1000 : undefined,
  };
}

function payloadOf(token: string): unknown {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const binary = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
