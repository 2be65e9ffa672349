/**
 * What a JWT says of itself. Nothing is verified; that is the gateway's work.
 *
 * @module
 */

/** The claims that the console shows; each is `undefined` where the token does not say. */
export interface Claims {
  readonly user: string | undefined;
  readonly channels: readonly string[] | undefined;
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined;
}

/** Reads the claims; what is no JWT has none. */
export function claimsOf(token: string): Claims {
  const claims = payloadOf(token);
  const [sub, exp, channels] = ["sub", "exp", "channels"].map((name) => get(claims, name));
  return {
    user: typeof sub === "string" ? sub : undefined,
    channels: Array.isArray(channels) ? channels.map(String) : undefined,
    expiresAt: typeof exp === "number" ? exp * 1000 : undefined,
  };
}

function get(value: unknown, name: string): unknown {
  return value instanceof Object ? Reflect.get(value, name) : undefined;
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
