/**
 * The last lines that a client printed, and the tokens in all of them.
 *
 * @module
 */

const MAX_LINES = 8;
/** Of a line, in characters. */
const MAX_LENGTH = 1000;

type Stream = "stdout" | "stderr";

export class Output {
  readonly lastLines: string[] = [];
  /** True once a line had the signature of a token. */
  hasToken = false;

  /** The end of what came before, as a long line comes in pieces, and a token may be in two of them. */
  readonly #ends: Record<Stream, string> = { stdout: "", stderr: "" };

  add(line: string, { stream, tokens }: {
    readonly stream: Stream;
    readonly tokens: readonly string[];
  }): void {
    const signatures = tokens.map((token) => token.slice(token.lastIndexOf(".") + 1));
    const text = this.#ends[stream] + line;
    this.hasToken ||= signatures.some((signature) => text.includes(signature));
    this.#ends[stream] = text.slice(-Math.max(1, ...signatures.map(({ length }) => length)));
    this.lastLines.push(line.slice(0, MAX_LENGTH));
    if (this.lastLines.length > MAX_LINES) this.lastLines.shift();
  }
}
