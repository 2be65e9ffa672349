/**
 * A logger that stores its lines for a test to inspect, and writes nowhere.
 *
 * @module
 */

import type { LogFields, Logger } from "../../gateway/ports.ts";

/** The severity of a line. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** A line of a {@linkcode FakeLogger}. */
export interface LogLine {
  /** Its severity. */
  readonly level: LogLevel;
  /** Its constant text. */
  readonly message: string;
  /** Its values; empty if none were given. */
  readonly fields: LogFields;
}

/** Stores every line, in order. */
export class FakeLogger implements Logger {
  /** All lines, oldest first. */
  readonly lines: LogLine[] = [];

  /** Stores a line of level `debug`. */
  debug(message: string, fields?: LogFields): void {
    this.#store("debug", message, fields);
  }

  /** Stores a line of level `info`. */
  info(message: string, fields?: LogFields): void {
    this.#store("info", message, fields);
  }

  /** Stores a line of level `warn`. */
  warn(message: string, fields?: LogFields): void {
    this.#store("warn", message, fields);
  }

  /** Stores a line of level `error`. */
  error(message: string, fields?: LogFields): void {
    this.#store("error", message, fields);
  }

  /** The messages of one level, in order. */
  messages(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message);
  }

  /** All lines as one text, errors with their causes, to search for secrets. */
  text(): string {
    return this.lines.map((line) => JSON.stringify(line, withErrorFields)).join("\n");
  }

  #store(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields });
  }
}

/** Copies an error's fields, which `JSON.stringify` would omit because they are not enumerable. */
function withErrorFields(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { ...value, name, message, stack, cause };
}
