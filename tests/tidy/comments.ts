/**
 * Finds comments that begin with a question word, such as "What a test decides". They name a thing by a riddle:
 * "Options of the app under test" says the same plainly.
 *
 * @module
 */

/** The first line of a comment. A line that continues one may begin with any word. */
const FIRST_LINE =
  /(?<!^[ \t]*\/\/[^\n]*\n)^[ \t]*(?:\/\/|\/\*\*(?:\n[ \t]*\*)?) *(What|Where|Who|Whom|Whose|Whoever|Whatever|Whether)\b[^\n]*/gm;

/** The comments of `text` that begin with a question word, with their lines. */
export function riddles(text: string): readonly string[] {
  return [...text.matchAll(FIRST_LINE)].map(({ 0: found, index }) =>
    `${text.slice(0, index).split("\n").length}: ${found.trim()}`
  );
}
