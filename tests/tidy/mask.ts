/**
 * Blanks the contents of comments, strings and regular expressions in TypeScript source, so that plain
 * patterns find only code. Lengths and lines do not change.
 *
 * It is no parser: the text before a slash tells whether it begins a regular expression.
 *
 * @module
 */

/** After these a slash begins a regular expression; after any other word or bracket it divides. */
const BEFORE_REGEXP =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|yield|await))\s*$/;

/** `text` with everything but line breaks blanked. */
function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

/** The end of the string that begins at `start` with a quote, closing quote included. */
function endOfString(source: string, start: number): number {
  const quote = source[start];
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === quote) return at + 1;
  }
  return source.length;
}

/** The end of the regular expression that begins at `start`, without its flags. */
function endOfRegExp(source: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < source.length; at++) {
    const character = source[at];
    if (character === "\\") at++;
    else if (character === "[") inClass = true;
    else if (character === "]") inClass = false;
    else if (character === "/" && !inClass) return at + 1;
  }
  return source.length;
}

/** The code of `source`; quotes remain, their contents do not. */
export function mask(source: string): string {
  let code = "";
  let at = 0;
  // The number of open braces in the expression of each enclosing template literal.
  const templates: number[] = [];
  const skipTo = (end: number, keepEnds: boolean) => {
    const text = source.slice(at, end);
    code += keepEnds ? text.slice(0, 1) + blank(text.slice(1, -1)) + text.slice(-1) : blank(text);
    at = end;
  };
  const template = () => {
    let end = at;
    while (end < source.length && source[end] !== "`" && !source.startsWith("${", end)) {
      end += source[end] === "\\" ? 2 : 1;
    }
    skipTo(end, false);
    if (source[at] === "`") code += source[at++];
    else {
      code += source.slice(at, at + 2);
      at += 2;
      templates.push(1);
    }
  };
  while (at < source.length) {
    const character = source[at];
    const depth = templates.at(-1);
    if (source.startsWith("//", at)) {
      const end = source.indexOf("\n", at);
      skipTo(end < 0 ? source.length : end, false);
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      skipTo(end < 0 ? source.length : end + 2, false);
    } else if (character === '"' || character === "'") {
      skipTo(endOfString(source, at), true);
    } else if (character === "`") {
      code += source[at++];
      template();
    } else if (character === "/" && BEFORE_REGEXP.test(code.slice(-200))) {
      skipTo(endOfRegExp(source, at), true);
    } else {
      code += character;
      at++;
      if (depth === undefined) continue;
      if (character === "{") templates[templates.length - 1] = depth + 1;
      if (character === "}") templates[templates.length - 1] = depth - 1;
      if (character === "}" && depth === 1) {
        templates.pop();
        template();
      }
    }
  }
  return code;
}

/** The modules that `source` names: imports, re-exports, dynamic imports, and files for workers. */
export function specifiers(source: string, code: string = mask(source)): readonly string[] {
  const found = code.matchAll(
    /\b(?:import|export)\b[^;"'()]*?\bfrom\s*(?=")|\bimport\s*(?=")|\b(?:import|new URL)\(\s*(?=")/g,
  );
  return [...found].flatMap(({ 0: text, index }) => {
    const start = index + text.length;
    const specifier = source.slice(start + 1, endOfString(source, start) - 1);
    return text.startsWith("new URL") && !specifier.endsWith(".ts") ? [] : [specifier];
  });
}
