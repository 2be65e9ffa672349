/**
 * The last lines that a client printed, and the tokens in all of them.
 *
 * @module
 */

const MAX_LINES = 8;
/** Of a line, in characters. */
const MAX_LENGTH = 1000;

export class Output {
  readonly lastLines: string[] = [];
  /** True once a line had the signature of a token. */
  hasToken = false;

  add(line: string, tokens: readonly string[]): void {
    this.hasToken ||= tokens.some((token) =>
      line.includes(token.slice(token.lastIndexOf(".") + 1))
    );
    this.lastLines.push(line.slice(0, MAX_LENGTH));
    if (this.lastLines.length > MAX_LINES) this.lastLines.shift();
  }
}
