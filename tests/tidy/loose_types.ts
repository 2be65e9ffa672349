/**
 * Where the types of a file are given up: `any`, and assertions that something is not null.
 *
 * @module
 */

const LOOSE: readonly RegExp[] = [
  // In the place of a type: after a colon, a bracket or an operator of types, or after `as`.
  /[:<|&,(=]\s*any\b(?!\s*[:?(.])/g,
  /\bas any\b/g,
  // After a value and before what is done with it, or the end; `!=` is a comparison.
  /[\w)\]]!(?=\s*(?:[.;,)\]}[]|$)|\s+(?!=))/gm,
];

/** What is loose in `code`, which is free of comments and strings, with its lines. */
export function looseTypes(code: string): readonly string[] {
  return LOOSE.flatMap((pattern) =>
    [...code.matchAll(pattern)].map(({ 0: found, index }) =>
      `${code.slice(0, index).split("\n").length}: ${found}`
    )
  );
}
