/**
 * Child processes: their output, line by line, and their end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type WaitOptions, within } from "./wait.ts";

/** Collects both output streams of a process; callers can wait for a line. */
export class Output {
  readonly lines: string[] = [];
  #wake: (() => void)[] = [];
  #open = 2;

  /** Starts to read the piped streams of `child`. */
  constructor(child: Deno.ChildProcess) {
    void this.#collect(child.stdout);
    void this.#collect(child.stderr);
  }

  /** The first line that `matches`, already written or yet to come. */
  async line(
    what: string,
    matches: (line: string) => boolean,
    options: WaitOptions = {},
  ): Promise<string> {
    return await within(`the line "${what}"`, this.#find(what, matches), options);
  }

  async #find(what: string, matches: (line: string) => boolean): Promise<string> {
    for (let at = 0;;) {
      for (; at < this.lines.length; at++) {
        const line = this.lines[at];
        if (line !== undefined && matches(line)) return line;
      }
      if (this.#open === 0) {
        assert.fail(`ended before it wrote "${what}":\n${this.lines.slice(-20).join("\n")}`);
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async #collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.lines.push(...lines);
      this.#wakeAll();
    }
    if (rest !== "") this.lines.push(rest);
    this.#open -= 1;
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** Sends a signal, if the process still runs, and returns its status. */
export async function end(
  child: Deno.ChildProcess,
  signal: Deno.Signal,
): Promise<Deno.CommandStatus> {
  try {
    child.kill(signal);
  } catch {
    // It has already ended; its status says how.
  }
  return await child.status;
}
