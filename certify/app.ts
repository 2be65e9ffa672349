/**
 * Reads the lines by which a client tells what its app sees: one JSON object each, on standard output.
 *
 * @module
 */

import { parseFrame } from "./frame.ts";

export class App {
  /** The ids of messages, in the order in which they were printed. */
  readonly messages: string[] = [];
  /** The codes of `{"ended":"<code>"}`. */
  readonly ended: string[] = [];
  gaps = 0;
  readies = 0;
  /** The first line that has a name of the table in docs/certify.md, but a value of another type. */
  misread: string | undefined;

  /** True once the client has printed a line that can be judged. */
  get speaks(): boolean {
    return this.messages.length + this.ended.length + this.gaps + this.readies > 0;
  }

  read(line: string): void {
    const { message, gap, ready, ended } = parseFrame(line);
    if (typeof message === "string") this.messages.push(message);
    if (gap === true) this.gaps += 1;
    if (ready === true) this.readies += 1;
    if (ended !== undefined) this.ended.push(String(ended));
    const isRead = (message === undefined || typeof message === "string") &&
      [gap, ready].every((value) => value === undefined || typeof value === "boolean");
    if (!isRead) this.misread ??= line.slice(0, 200);
  }
}
