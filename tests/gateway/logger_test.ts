/**
 * The logger's lines. It never throws and never waits for a reader.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import {
  createLogger,
  finishLog,
  type LoggerOptions,
  MAX_QUEUED_LINES,
} from "../../gateway/runtime/logger.ts";
import type { LogFields, Logger } from "../../gateway/ports.ts";

const TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

async function written(
  act: (logger: Logger) => void,
  options: Partial<LoggerOptions> = {},
): Promise<string> {
  let text = "";
  const logger = createLogger({
    level: "info",
    format: "json",
    terminal: false,
    write: (line) => {
      text += line;
    },
    ...options,
  });
  act(logger);
  await finishLog();
  return text;
}

Deno.test("createLogger() writes one JSON object a line", async () => {
  const text = await written((logger) => {
    logger.info("listening", { port: 8000, host: "127.0.0.1" });
    logger.warn("two\nlines", { text: "a\nb" });
  });
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 2);
  assert.equal(lines[0].level, "INFO");
  assert.equal(lines[0].message, "listening");
  assert.deepEqual(lines[0].fields, { port: 8000, host: "127.0.0.1" });
  assert.ok(Number.isFinite(Date.parse(lines[0]["@timestamp"])));
  assert.equal(lines[1].level, "WARN");
  assert.equal(lines[1].message, "two\nlines");
});

Deno.test("createLogger() leaves out what is less severe than its level", async () => {
  const all = (logger: Logger) => {
    logger.debug("d");
    logger.info("i");
    logger.warn("w");
    logger.error("e");
  };
  const messages = async (level: LoggerOptions["level"]) =>
    (await written(all, { level })).split("\n").filter(Boolean)
      .map((line) => JSON.parse(line).message);
  assert.deepEqual(await messages("debug"), ["d", "i", "w", "e"]);
  assert.deepEqual(await messages("info"), ["i", "w", "e"]);
  assert.deepEqual(await messages("warn"), ["w", "e"]);
  assert.deepEqual(await messages("error"), ["e"]);
});

Deno.test("createLogger() does not read braces in a message as placeholders", async () => {
  const text = await written((logger) => logger.info("route /users/{user}", { user: "alice" }));
  assert.equal(JSON.parse(text).message, "route /users/{user}");
});

Deno.test("createLogger() writes an error with its code and the chain of its causes", async () => {
  const cause = new Error("disk is full", { cause: new TypeError("ENOSPC") });
  const error = new OperationalError("log_unavailable", "cannot write", { cause });
  const logged = JSON.parse(await written((logger) => logger.error("publish failed", { error })))
    .fields.error;
  assert.equal(logged.name, "OperationalError");
  assert.equal(logged.code, "log_unavailable");
  assert.equal(logged.message, "cannot write");
  assert.match(logged.stack, /logger_test/);
  assert.equal(logged.cause.message, "disk is full");
  assert.equal(logged.cause.cause.name, "TypeError");
});

Deno.test("createLogger() strikes out tokens wherever they are", async () => {
  const fields: LogFields = {
    text: `token ${TOKEN}!`,
    nested: { list: [TOKEN] },
    error: new Error(`refused ${TOKEN}`, { cause: new Error(TOKEN) }),
    header: "Bearer s3cr3t-publish-key",
  };
  for (const format of ["json", "text"] as const) {
    const text = await written((logger) => logger.info(`hello ${TOKEN}`, fields), { format });
    assert.match(text, /\[redacted\]/);
    assert.doesNotMatch(text, /eyJ|c2lnbmF0dXJl|s3cr3t/);
  }
});

Deno.test("createLogger() leaves words alone that only look a little like tokens", async () => {
  const text = await written((logger) =>
    logger.info("eyes on it", { host: "eyecatcher-site.something.example", bearer: "the bearer" })
  );
  assert.doesNotMatch(text, /redacted/);
});

Deno.test("createLogger() writes text with fields, and stacks under the line", async () => {
  const error = new Error("outer", { cause: new Error("inner") });
  const text = await written(
    (logger) => logger.error("failed", { user: "alice", note: "two words", error }),
    { format: "text" },
  );
  const [first = "", ...rest] = text.trimEnd().split("\n");
  assert.match(first, /^\S+ ERR failed user=alice note="two words" error="outer"$/);
  assert.ok(rest.every((line) => line.startsWith("    ")));
  assert.ok(rest.some((line) => line.includes("caused by Error: inner")));
});

Deno.test("createLogger() chooses text for a terminal and JSON elsewhere when left to it", async () => {
  const hello = (logger: Logger) => logger.info("hello");
  assert.match(await written(hello, { format: "auto", terminal: false }), /^\{/);
  assert.doesNotMatch(await written(hello, { format: "auto", terminal: true }), /^\{/);
});

Deno.test("createLogger() does not let a value steer the terminal", async () => {
  const text = await written(
    (logger) => logger.info("hello", { user: "\u009b2J\u001b[2J", error: new Error("\u001b[2J") }),
    { format: "text" },
  );
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\u001b\u009b]/);
});

Deno.test("createLogger() throws nothing when writing fails or a field cannot be written", async () => {
  const circle: { self?: unknown } = {};
  circle.self = circle;
  const hostile = {
    get trap(): string {
      throw new Error("not to be read");
    },
  };
  const broken = () => {
    throw new Deno.errors.BrokenPipe();
  };
  await written((logger) => logger.error("no reader"), { write: broken });
  const text = await written((logger) => {
    logger.info("circle", { circle: circle as LogFields[string] });
    logger.info("hostile", hostile);
    logger.info("after");
  });
  assert.match(text, /"message":"circle"/);
  assert.match(text, /"message":"after"/);
});

/** A logger whose lines wait until the test reads them. */
function stalling() {
  const messages: string[] = [];
  let read = (): void => {};
  let reads = false;
  const logger = createLogger({
    level: "info",
    format: "json",
    terminal: false,
    write: async (line) => {
      if (!reads) await new Promise<void>((resolve) => read = resolve);
      const { message, fields } = JSON.parse(line);
      messages.push(message === "log lines were dropped" ? `${fields.lines} dropped` : message);
    },
  });
  const resume = async (): Promise<void> => {
    reads = true;
    read();
    await finishLog();
  };
  return { logger, messages, resume };
}

Deno.test("createLogger() waits for no reader: it queues, drops, and says how much", async () => {
  const { logger, messages, resume } = stalling();
  logger.info("first");
  await Promise.resolve();
  const beyond = 7;
  for (let line = 0; line < MAX_QUEUED_LINES + beyond; line++) logger.info(`${line}`);
  assert.equal(logger.droppedLines, beyond);
  assert.deepEqual(messages, []);
  await resume();
  logger.info("after");
  await finishLog();
  const queued = Array.from({ length: MAX_QUEUED_LINES }, (_, line) => `${line}`);
  assert.deepEqual(messages, ["first", ...queued, `${beyond} dropped`, "after"]);
  assert.equal(logger.droppedLines, beyond);
});

Deno.test("createLogger() counts what cannot be written, and says so once it can", async () => {
  const messages: string[] = [];
  let broken = true;
  const logger = createLogger({
    level: "info",
    format: "json",
    terminal: false,
    write: (line) => {
      if (broken) throw new Deno.errors.BrokenPipe();
      const { message, fields } = JSON.parse(line);
      messages.push(message === "log lines were dropped" ? `${fields.lines} dropped` : message);
    },
  });
  for (const line of ["a", "b", "c"]) logger.info(line);
  await finishLog();
  assert.equal(logger.droppedLines, 3);
  broken = false;
  for (const line of ["d", "e"]) logger.info(line);
  await finishLog();
  logger.info("f");
  await finishLog();
  assert.deepEqual(messages, ["d", "e", "3 dropped", "f"]);
});
