/**
 * Log lines on standard error, by LogTape: JSON for machines, text for people.
 *
 * A log line never throws, never blocks and never ends the process, whatever happens to standard error: a
 * bounded queue waits for its reader. Callers keep tokens and keys out of fields; what looks like one all the
 * same is struck out here, as are the user, the password and the query of every URL.
 *
 * @module
 */

import {
  configureSync,
  drain,
  fromAsyncSink,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getLogger,
  getTextFormatter,
  type LogRecord,
  sanitizeControlSequences,
  type Sink,
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
  /** Writes a line, its line break included; to standard error unless given. One line at a time. May fail. */
  readonly write?: (line: string) => void | Promise<void>;
  /** Whether somebody reads along; found out from standard error unless given. */
  readonly terminal?: boolean;
}

/** The logger of a process. */
export interface ProcessLogger extends Logger {
  /** How many lines were not written, because too many waited or writing failed. */
  readonly droppedLines: number;
}

/** Most lines that wait for a reader; later ones are dropped. Some 10 MB, and more than a burst comes to. */
export const MAX_QUEUED_LINES = 10_000;
/** How long the end of the process waits for a reader, in milliseconds. */
const FINISH_MS = 1000;
/** How deep fields and causes are followed; what lies deeper is left out, as are circles. */
const MAX_DEPTH = 8;
/** JSON Web Tokens (Base64 of `{` and what JSON may have next), and bearer credentials of any kind. */
const SECRETS = /\be(?:y[AJ]|w[0ok])[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|(?<=[Bb]earer\s+)\S+/g;

/**
 * Makes the gateway's logger. LogTape has one configuration in a process, so the last logger that was
 * made says where the lines of all of them go.
 */
export function createLogger(options: LoggerOptions): ProcessLogger {
  const terminal = options.terminal ?? Deno.stderr.isTerminal();
  const write = options.write ?? writeToStderr;
  const format = chooseFormatter(options.format, terminal);
  const queue = new LineQueue({
    write: (record) => write(format(record)),
    tell: (lines) => logger.warn("log lines were dropped", { lines }),
  });
  configureSync({
    reset: true,
    sinks: { lines: queue.sink },
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
    get droppedLines() {
      return queue.dropped;
    },
    debug: (message, fields) => attempt(() => logger.debug(redact(message), clean(fields))),
    info: (message, fields) => attempt(() => logger.info(redact(message), clean(fields))),
    warn: (message, fields) => attempt(() => logger.warn(redact(message), clean(fields))),
    error: (message, fields) => attempt(() => logger.error(redact(message), clean(fields))),
  };
}

/**
 * Writes the lines that are queued, then `lastLine`, before the process ends. Waits no longer than a second
 * for a reader, and never rejects.
 */
export async function finishLog(lastLine = ""): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, FINISH_MS));
  const written = drain().then(() => writeToStderr(lastLine)).catch(() => {});
  await Promise.race([written, limit]);
  clearTimeout(timer);
}

/** Lines on their way to a reader who may stall, go away or come back. */
class LineQueue {
  dropped = 0;
  #untold = 0;
  #works = true;
  readonly #write: (record: LogRecord) => void | Promise<void>;
  readonly #tell: (lines: number) => void;

  constructor(
    { write, tell }: {
      readonly write: (record: LogRecord) => void | Promise<void>;
      /** Logs how many lines were dropped. */
      readonly tell: (lines: number) => void;
    },
  ) {
    this.#write = write;
    this.#tell = tell;
  }

  /** Where LogTape sends its records. */
  get sink(): Sink {
    const queued = fromAsyncSink((record) => this.#next(record), {
      maxQueueSize: MAX_QUEUED_LINES,
      // The oldest would leave their promises behind for as long as the reader stalls.
      overflow: "drop-newest",
      onDrop: ({ count }) => this.#drop(count),
    });
    // Without its disposal, which `configureSync` refuses.
    return Object.assign((record: LogRecord) => queued(record), { drain: queued.drain });
  }

  async #next(record: LogRecord): Promise<void> {
    if (this.#works) this.#tellOfDropped();
    try {
      await this.#write(record);
      this.#works = true;
    } catch {
      // There is nowhere left to say why: standard error is what failed.
      this.#works = false;
      this.#drop(1);
    }
  }

  /** Queues a line where others are missing: the one that is being written has left its place. */
  #tellOfDropped(): void {
    const lines = this.#untold;
    if (lines === 0) return;
    this.#tell(lines);
    // More by now: that line was dropped too.
    this.#untold = this.#untold === lines ? 0 : lines;
  }

  #drop(count: number): void {
    this.dropped += count;
    this.#untold += count;
  }
}

/** Logging must not add a failure to the one that it tells of. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // A field that cannot be read.
  }
}

/** Off the event loop, which a pipe that nobody reads would block. */
async function writeToStderr(line: string): Promise<void> {
  let bytes = new TextEncoder().encode(line);
  while (bytes.byteLength > 0) bytes = bytes.subarray(await Deno.stderr.write(bytes));
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
