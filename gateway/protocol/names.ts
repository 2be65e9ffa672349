/**
 * The rule for names of users, channels and authors, in tokens as in requests (docs/http.md, "Names"). A
 * user in a token whom no route could address could not be disconnected.
 *
 * @module
 */

/**
 * Characters, not UTF-16 units: with the flag `u`, only half a pair is a surrogate. URLs cannot hold `.` and `..` as a
 * segment, also percent-encoded.
 */
export const NAME: RegExp = /^(?!\.{1,2}$)[^\p{Cc}\p{Cs}]{1,255}$/u;

/**
 * The same as JSON Schema, in what every dialect of regular expressions knows. The lengths stand apart,
 * because they count characters, and a pattern may count UTF-16 units. Lone surrogates are left out:
 * text in UTF-8 has none, and tools disagree on a pattern that names them.
 */
export const NAME_SCHEMA = {
  minLength: 1,
  maxLength: 255,
  pattern: "^[^\\x00-\\x1f\\x7f-\\x9f]*$",
  not: { enum: [".", ".."] as string[] },
} as const;

/** The rule in words. */
export const NAME_RULE =
  "1 to 255 characters, not . or .., without control characters and lone surrogates";

/** Tells names from other values. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}
