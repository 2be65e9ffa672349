/**
 * Log lines on standard error, by LogTape: JSON for machines, text for people.
 *
 * A log call never throws, blocks or ends the process, whatever happens to standard error: lines wait in a bounded
 * queue. Callers must not log tokens or keys; what looks like one is redacted here all the same, as are user,
 * password and query of every URL.
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

export interface LoggerOptions {
  /** The lowest level that is written. */
  readonly level: "debug" | "info" | "warn" | "error";
  /** One JSON object a line, text, or text on a terminal and JSON elsewhere. */
  readonly format: "json" | "text" | "auto";
  /** Writes one line with its line break; to standard error if not given. May reject. */
  readonly write?: (line: string) => void | Promise<void>;
  /** Overrides the detection of a terminal. */
  readonly terminal?: boolean;
}

export interface ProcessLogger extends Logger {
  /** Lines that were not written, because the queue was full or writing failed. */
  readonly droppedLines: number;
}

/** Most queued lines, some 10 MB and more than a burst; later ones are dropped. */
export const MAX_QUEUED_LINES = 10_000;
/** Longest wait for the queue at the end of the process, in milliseconds. */
const FINISH_MS = 1000;
/** Depth at which fields and causes are truncated, which also ends cycles. */
const MAX_DEPTH = 8;
/** JSON Web Tokens (Base64 of `{` and what JSON may have next), and bearer credentials of any kind. */
const SECRETS = /\be(?:y[AJ]|w[0ok])[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|(?<=[Bb]earer\s+)\S+/g;

/**
 * Creates the gateway's logger. LogTape has one configuration in a process: the last logger decides the output of
 * all.
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
      // LogTape's own failures could only be reported where ours failed.
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
 * Writes queued lines, then `lastLine`, before the process ends. Takes at most a second, and never rejects.
 */
export async function finishLog(lastLine = ""): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, FINISH_MS));
  const written = drain().then(() => writeToStderr(lastLine)).catch(() => {});
  await Promise.race([written, limit]);
  clearTimeout(timer);
}

/** A bounded queue of lines for a reader that may stall, disappear or come back. */
class LineQueue {
  dropped = 0;
  #untold = 0;
  #works = true;
  readonly #write: (record: LogRecord) => void | Promise<void>;
  readonly #tell: (lines: number) => void;

  constructor(
    { write, tell }: {
      readonly write: (record: LogRecord) => void | Promise<void>;
      /** Logs that lines were dropped. */
      readonly tell: (lines: number) => void;
    },
  ) {
    this.#write = write;
    this.#tell = tell;
  }

  get sink(): Sink {
    const queued = fromAsyncSink((record) => this.#next(record), {
      maxQueueSize: MAX_QUEUED_LINES,
      // Dropped older lines would leave their promises pending while the reader stalls.
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
      // Cannot be reported: standard error is what failed.
      this.#works = false;
      this.#drop(1);
    }
  }

  /** Queues a line about dropped ones; the line being written has left a free slot. */
  #tellOfDropped(): void {
    const lines = this.#untold;
    if (lines === 0) return;
    this.#tell(lines);
    // If it has grown, that line was dropped too.
    this.#untold = this.#untold === lines ? 0 : lines;
  }

  #drop(count: number): void {
    this.dropped += count;
    this.#untold += count;
  }
}

/** Logging must not add a failure to the one that it reports. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // A field whose getter throws.
  }
}

/** Asynchronous, because a pipe without a reader would block the event loop. */
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
      // Text from peers must not control the reader's terminal.
      const text = sanitizeControlSequences(`${record.rawMessage}${fieldsAsText(record)}`);
      return `${timestamp} ${level} ${text}`;
    },
  };
  return terminal && !Deno.noColor ? getAnsiColorFormatter(shape) : getTextFormatter(shape);
}

/** ` name=value` for each field, then the stacks of errors on lines of their own. */
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

/** Converts `value` to plain JSON: errors with their causes, secrets redacted. */
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
