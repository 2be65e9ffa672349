/**
 * Log lines on standard error, by LogTape: JSON for machines, text for people.
 *
 * A log line never throws and never ends the process, whatever happens to standard error. Callers keep
 * tokens and keys out of fields; what looks like one all the same is struck out here, as are the user, the
 * password and the query of every URL.
 *
 * @module
 */

import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type LogRecord,
  sanitizeControlSequences,
  type TextFormatter,
  type TextFormatterOptions,
} from "@logtape/logtape";
import type { LogFields, Logger } from "../ports.ts";
import { redactUrls } from "../redact_url.ts";

/** How to log. */
export interface LoggerOptions {
  /** The least severe lines that are written. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** One JSON object a line, text, or text on a terminal and JSON elsewhere. */
  readonly format: "json" | "text" | "auto";
  /** Where a line goes, its line break included; standard error unless given. May throw. */
  readonly write?: (line: string) => void;
  /** Whether somebody reads along; found out from standard error unless given. */
  readonly terminal?: boolean;
}

/** How deep fields and causes are followed; what lies deeper is left out, as are circles. */
const MAX_DEPTH = 8;
/** JSON Web Tokens (Base64 of `{` and what JSON may have next), and bearer credentials of any kind. */
const SECRETS = /\be(?:y[AJ]|w[0ok])[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|(?<=[Bb]earer\s+)\S+/g;

/**
 * Makes the gateway's logger. LogTape has one configuration in a process, so the last logger that was
 * made says where the lines of all of them go.
 */
export function createLogger(options: LoggerOptions): Logger {
  const terminal = options.terminal ?? Deno.stderr.isTerminal();
  const write = options.write ?? writeToStderr;
  const format = chooseFormatter(options.format, terminal);
  configureSync({
    reset: true,
    sinks: { lines: (record) => attempt(() => write(format(record))) },
    loggers: [
      {
        category: "gateway",
        sinks: ["lines"],
        lowestLevel: options.level === "warn" ? "warning" : options.level,
      },
      // LogTape's word on its own failures has nowhere to go where ours has not.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
  const logger = getLogger("gateway");
  return {
    debug: (message, fields) => attempt(() => logger.debug(redact(message), clean(fields))),
    info: (message, fields) => attempt(() => logger.info(redact(message), clean(fields))),
    warn: (message, fields) => attempt(() => logger.warn(redact(message), clean(fields))),
    error: (message, fields) => attempt(() => logger.error(redact(message), clean(fields))),
  };
}

/** Logging must not add a failure to the one that it tells of. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // There is nowhere left to say so: standard error is what failed.
  }
}

function writeToStderr(line: string): void {
  let bytes = new TextEncoder().encode(line);
  while (bytes.byteLength > 0) bytes = bytes.subarray(Deno.stderr.writeSync(bytes));
}

function chooseFormatter(format: LoggerOptions["format"], terminal: boolean): TextFormatter {
  if (format === "json" || (format === "auto" && !terminal)) {
    return getJsonLinesFormatter({ message: "template", properties: "nest:fields" });
  }
  const shape: TextFormatterOptions = {
    timestamp: terminal ? "time" : "rfc3339",
    timeZone: terminal ? null : "UTC",
    category: () => "",
    format: ({ timestamp, level, record }) => {
      // What peers sent must not steer the terminal of whoever reads it.
      const text = sanitizeControlSequences(`${record.rawMessage}${fieldsAsText(record)}`);
      return `${timestamp} ${level} ${text}`;
    },
  };
  return terminal && !Deno.noColor ? getAnsiColorFormatter(shape) : getTextFormatter(shape);
}

/** ` name=value` for each field, and under the line the stack of each error. */
function fieldsAsText({ properties }: LogRecord): string {
  const pairs: string[] = [];
  const stacks: string[] = [];
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (isLoggedError(value)) {
      pairs.push(`${name}=${JSON.stringify(value.message)}`);
      stacks.push(...stackLines(value));
    } else {
      const plain = typeof value === "string" && /^[\w.:/@+-]+$/.test(value);
      pairs.push(`${name}=${plain ? value : JSON.stringify(value)}`);
    }
  }
  return [pairs.map((pair) => ` ${pair}`).join(""), ...stacks].join("\n    ");
}

function stackLines(error: LoggedError): readonly string[] {
  const own = (error.stack ?? `${error.name}: ${error.message}`).split("\n");
  if (!isLoggedError(error.cause)) return own;
  const [first, ...rest] = stackLines(error.cause);
  return [...own, `caused by ${first}`, ...rest];
}

/** An error as a field. */
interface LoggedError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
  readonly stack?: string | undefined;
  readonly cause?: unknown;
}

function isLoggedError(value: unknown): value is LoggedError {
  return typeof value === "object" && value !== null && "stack" in value && "message" in value;
}

function clean(fields: LogFields = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, plain(value, MAX_DEPTH)]),
  );
}

/** `value` as plain JSON: errors spelled out with their causes, secrets struck out. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return redact(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  if (value instanceof Error) {
    return {
      name: value.name,
      message: redact(value.message),
      ...("code" in value ? { code: plain(value.code, depth - 1) } : {}),
      stack: value.stack === undefined ? undefined : redact(value.stack),
      ...(value.cause === undefined ? {} : { cause: plain(value.cause, depth - 1) }),
    } satisfies LoggedError;
  }
  if (Array.isArray(value)) return value.map((item) => plain(item, depth - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, plain(item, depth - 1)]),
  );
}

function redact(text: string): string {
  return redactUrls(text.replace(SECRETS, "[redacted]"));
}
