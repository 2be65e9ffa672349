/**
 * What the logger writes, and that it never throws.
 *
 * @module
 */

import assert from "node:assert/strict";
import { OperationalError } from "../../gateway/errors.ts";
import { createLogger, type LoggerOptions } from "../../gateway/runtime/logger.ts";
import type { LogFields, Logger } from "../../gateway/ports.ts";

const TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";

/** What `act` has a logger write. */
function written(act: (logger: Logger) => void, options: Partial<LoggerOptions> = {}): string {
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
  return text;
}

Deno.test("createLogger() writes one JSON object a line", () => {
  const text = written((logger) => {
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

Deno.test("createLogger() leaves out what is less severe than its level", () => {
  const all = (logger: Logger) => {
    logger.debug("d");
    logger.info("i");
    logger.warn("w");
    logger.error("e");
  };
  const messages = (level: LoggerOptions["level"]) =>
    written(all, { level }).split("\n").filter(Boolean).map((line) => JSON.parse(line).message);
  assert.deepEqual(messages("debug"), ["d", "i", "w", "e"]);
  assert.deepEqual(messages("info"), ["i", "w", "e"]);
  assert.deepEqual(messages("warn"), ["w", "e"]);
  assert.deepEqual(messages("error"), ["e"]);
});

Deno.test("createLogger() does not read braces in a message as placeholders", () => {
  const text = written((logger) => logger.info("route /users/{user}", { user: "alice" }));
  assert.equal(JSON.parse(text).message, "route /users/{user}");
});

Deno.test("createLogger() writes an error with its code and the chain of its causes", () => {
  const cause = new Error("disk is full", { cause: new TypeError("ENOSPC") });
  const error = new OperationalError("log_unavailable", "cannot write", { cause });
  const logged = JSON.parse(written((logger) => logger.error("publish failed", { error })))
    .fields.error;
  assert.equal(logged.name, "OperationalError");
  assert.equal(logged.code, "log_unavailable");
  assert.equal(logged.message, "cannot write");
  assert.match(logged.stack, /logger_test/);
  assert.equal(logged.cause.message, "disk is full");
  assert.equal(logged.cause.cause.name, "TypeError");
});

Deno.test("createLogger() strikes out tokens wherever they are", () => {
  const fields: LogFields = {
    text: `token ${TOKEN}!`,
    nested: { list: [TOKEN] },
    error: new Error(`refused ${TOKEN}`, { cause: new Error(TOKEN) }),
    header: "Bearer s3cr3t-publish-key",
  };
  for (const format of ["json", "text"] as const) {
    const text = written((logger) => logger.info(`hello ${TOKEN}`, fields), { format });
    assert.match(text, /\[redacted\]/);
    assert.doesNotMatch(text, /eyJ|c2lnbmF0dXJl|s3cr3t/);
  }
});

Deno.test("createLogger() leaves words alone that only look a little like tokens", () => {
  const text = written((logger) =>
    logger.info("eyes on it", { host: "eyecatcher-site.something.example", bearer: "the bearer" })
  );
  assert.doesNotMatch(text, /redacted/);
});

Deno.test("createLogger() writes text with fields, and stacks under the line", () => {
  const error = new Error("outer", { cause: new Error("inner") });
  const text = written(
    (logger) => logger.error("failed", { user: "alice", note: "two words", error }),
    { format: "text" },
  );
  const [first = "", ...rest] = text.trimEnd().split("\n");
  assert.match(first, /^\S+ ERR failed user=alice note="two words" error="outer"$/);
  assert.ok(rest.every((line) => line.startsWith("    ")));
  assert.ok(rest.some((line) => line.includes("caused by Error: inner")));
});

Deno.test("createLogger() chooses text for a terminal and JSON elsewhere when left to it", () => {
  const hello = (logger: Logger) => logger.info("hello");
  assert.match(written(hello, { format: "auto", terminal: false }), /^\{/);
  assert.doesNotMatch(written(hello, { format: "auto", terminal: true }), /^\{/);
});

Deno.test("createLogger() does not let a value steer the terminal", () => {
  const text = written(
    (logger) => logger.info("hello", { user: "\u009b2J\u001b[2J", error: new Error("\u001b[2J") }),
    { format: "text" },
  );
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /[\u001b\u009b]/);
});

Deno.test("createLogger() throws nothing when writing fails or a field cannot be written", () => {
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
  written((logger) => logger.error("no reader"), { write: broken });
  const text = written((logger) => {
    logger.info("circle", { circle: circle as LogFields[string] });
    logger.info("hostile", hostile);
    logger.info("after");
  });
  assert.match(text, /"message":"circle"/);
  assert.match(text, /"message":"after"/);
});
