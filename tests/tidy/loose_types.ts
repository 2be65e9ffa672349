/**
 * Finds types that are given up: `any`, and assertions that something is not null.
 *
 * @module
 */

const LOOSE: readonly RegExp[] = [
  // At the place of a type: after a colon, a bracket or an operator of types, or after `as`.
  /[:<|&,(=]\s*any\b(?!\s*[:?(.])/g,
  /\bas any\b/g,
  // After a value, before its use or the end; `!=` is a comparison.
  /[\w)\]]!(?=\s*(?:[.;,)\]}[]|$)|\s+(?!=))/gm,
];

/** The loose types in `code`, which has no comments and strings, with their lines. */
export function looseTypes(code: string): readonly string[] {
  return LOOSE.flatMap((pattern) =>
    [...code.matchAll(pattern)].map(({ 0: found, index }) =>
      `${code.slice(0, index).split("\n").length}: ${found}`
    )
  );
}
