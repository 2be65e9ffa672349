/**
 * Takes tokens out of what reports show: these end up where others read them.
 *
 * @module
 */

/** In characters; a shorter part of a token tells nothing. */
const MIN_PART = 16;
/** Of a token, at each end. */
const SHOWN = 6;

export function redact(text: string, tokens: readonly string[]): string {
  return text.split("\n").map((line) => tokens.reduce(redactLine, line)).join("\n");
}

function redactLine(line: string, token: string): string {
  const [head, tail] = [token.slice(0, SHOWN), token.slice(-SHOWN)];
  let rest = line.replaceAll(token, `${head}…${tail}`);
  // A long line of output is cut: a piece may end within a token, and the next one begin there.
  const from = rest.lastIndexOf(token.slice(0, MIN_PART));
  if (from >= 0 && token.startsWith(rest.slice(from))) rest = `${rest.slice(0, from)}${head}…`;
  const begin = rest.search(/\S/);
  const to = rest.indexOf(token.slice(-MIN_PART)) + MIN_PART;
  if (to < MIN_PART || !token.endsWith(rest.slice(begin, to))) return rest;
  return `${rest.slice(0, begin)}…${tail}${rest.slice(to)}`;
}
