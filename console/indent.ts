/**
 * JSON on many lines. Pure.
 *
 * What is parsed and written again is no longer what passed: numbers lose digits and fields that come twice
 * are one. So nothing is parsed: line breaks go between the tokens, which stay as they are.
 *
 * @module
 */

/** A string, which may lack its end; a bracket, comma or colon; anything else. */
const TOKEN = /"(?:[^"\\]|\\[^])*(?:"|\\?$)|[{}[\],:]|[^\s{}[\],:"]+/g;
const OPENING = new Set(["{", "["]);
const CLOSING = new Set(["}", "]"]);
/** Deeper than any message that the gateway takes; beyond it lines would only grow. */
const MAX_LEVELS = 80;

/** The tokens of JSON, one field or element a line. */
export function indentJson(text: string): string {
  const parts: string[] = [];
  let depth = 0;
  const breakLine = (): void => {
    parts.push(`\n${"  ".repeat(Math.max(0, Math.min(depth, MAX_LEVELS)))}`);
  };
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    const isClosing = CLOSING.has(token);
    if (isClosing) depth -= 1;
    // Nothing is between the brackets of what is empty.
    if (last === "," || OPENING.has(last) !== isClosing) breakLine();
    parts.push(token === ":" ? ": " : token);
    if (OPENING.has(token)) depth += 1;
    last = token;
  }
  return parts.join("");
}
