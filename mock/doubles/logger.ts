/**
 * A logger that keeps its lines, so that a test can ask what was logged, and what was not.
 *
 * It writes nowhere.
 *
 * @module
 */

import type { LogFields, Logger } from "../../gateway/ports.ts";

/** How grave a line is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** One line that was logged. */
export interface LogLine {
  /** How grave it is. */
  readonly level: LogLevel;
  /** What happened. */
  readonly message: string;
  /** Empty when none were given. */
  readonly fields: LogFields;
}

/** Keeps every line, in order. */
export class FakeLogger implements Logger {
  /** What was logged so far, oldest first. */
  readonly lines: LogLine[] = [];

  /** Keeps a line of level `debug`. */
  debug(message: string, fields?: LogFields): void {
    this.#keep("debug", message, fields);
  }

  /** Keeps a line of level `info`. */
  info(message: string, fields?: LogFields): void {
    this.#keep("info", message, fields);
  }

  /** Keeps a line of level `warn`. */
  warn(message: string, fields?: LogFields): void {
    this.#keep("warn", message, fields);
  }

  /** Keeps a line of level `error`. */
  error(message: string, fields?: LogFields): void {
    this.#keep("error", message, fields);
  }

  /** The messages of one level, in order. */
  messages(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }

  /** Everything that was logged as one text, errors with their causes: to look for secrets in. */
  text(): string {
    return this.lines.map((line) => JSON.stringify(line, spelledOut)).join("\n");
  }

  #keep(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields });
  }
}

/** `JSON.stringify` writes an error as `{}`, since none of what it holds is enumerable. */
function spelledOut(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { ...value, name, message, stack, cause };
}
