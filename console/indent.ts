/**
 * Indents JSON by inserting line breaks between its tokens. It does not parse and serialize, which would
 * change large numbers and drop duplicate fields. Pure.
 *
 * @module
 */

/** A string, which may be unterminated; a bracket, comma or colon; anything else. */
const TOKEN = /"(?:[^"\\]|\\[^])*(?:"|\\?$)|[{}[\],:]|[^\s{}[\],:"]+/g;
const OPENING = new Set(["{", "["]);
const CLOSING = new Set(["}", "]"]);
/** Deeper than any message that the gateway accepts. */
const MAX_LEVELS = 80;

/** Puts each field or element on a line of its own. */
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
    // Empty brackets stay together.
    if (last === "," || OPENING.has(last) !== isClosing) breakLine();
    parts.push(token === ":" ? ": " : token);
    if (OPENING.has(token)) depth += 1;
    last = token;
  }
  return parts.join("");
}
