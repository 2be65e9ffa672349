/**
 * A process with a log, which tests can kill, limit or run twice. Reads commands as JSON lines and answers
 * each with one; `child_process.ts` is the other side. Its clock advances only by a second before each
 * check.
 *
 * @module
 */

import { OperationalError } from "../../../gateway/errors.ts";
import { openSqliteLog } from "../../../gateway/log/mod.ts";
import type { MessageLog } from "../../../gateway/ports.ts";
import { FakeClock } from "../../../mock/doubles/clock.ts";
import { FakeIds } from "../../../mock/doubles/ids.ts";
import { FakeLogger } from "../../../mock/doubles/logger.ts";
import { lines } from "./lines.ts";

/** Commands for the child. */
export type Command =
  /** Opens the log in a directory. */
  | {
    readonly do: "open";
    readonly directory: string;
    readonly thread: "worker" | "own";
    /** The start of the epoch of a new file; `child` by default. */
    readonly ids?: string;
  }
  /** Publishes one message to everyone; answers with its id. */
  | { readonly do: "publish"; readonly content: string }
  /** Publishes without end, and answers with each id as soon as it is known. */
  | { readonly do: "flood" }
  /** Answers with the contents of all stored messages. */
  | { readonly do: "read" }
  | { readonly do: "check" }
  /** Writes a file until the disk is full. */
  | { readonly do: "fill"; readonly path: string }
  | { readonly do: "remove"; readonly path: string };

/** An answer: a value, or the code and the text of the error. */
export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

const clock = new FakeClock();
let log: MessageLog | undefined;

function opened(): MessageLog {
  if (log === undefined) throw new Error("open first");
  return log;
}

async function carryOut(command: Command): Promise<unknown> {
  switch (command.do) {
    case "open": {
      const { directory, thread, ids = "child" } = command;
      const world = { clock, ids: new FakeIds(ids), logger: new FakeLogger() };
      log = await openSqliteLog({ directory, testing: { thread }, ...world });
      return log.head().id;
    }
    case "publish": {
      const [message] = await opened().publish([{ author: "1", content: command.content }]);
      return message?.id;
    }
    case "flood":
      return await flood();
    case "read":
      return await contents();
    case "check":
      await clock.advance(1000);
      return await opened().check();
    case "fill":
      return fill(command.path);
    case "remove":
      return Deno.removeSync(command.path);
  }
}

async function flood(): Promise<void> {
  for (let number = 0;; number++) {
    // Several at once, so that a kill can tear groups.
    const publishes = Array.from({ length: 4 }, (_, part) => {
      const drafts = [1, 2].map((half) => ({ author: "1", content: `${number}.${part}.${half}` }));
      return opened().publish(drafts).then((messages) => {
        say({ ok: true, value: messages.map(({ id, content }) => [id, content]) });
      });
    });
    await Promise.all(publishes);
  }
}

async function contents(): Promise<unknown[]> {
  const found: unknown[] = [];
  let after: string | undefined;
  for (;;) {
    const audience = { everyone: true, channels: [] };
    const page = await opened().read({ after, audience, limit: 1000, maxBytes: 1 << 20 });
    if (page === "expired") throw new Error("expired");
    found.push(...page.messages.map(({ id, content }) => [id, content]));
    if (!page.more) return found;
    after = page.upTo.id;
  }
}

function fill(path: string): void {
  for (let size = 1 << 16; size > 0; size >>= 1) {
    try {
      for (;;) Deno.writeFileSync(path, new Uint8Array(size), { append: true });
    } catch {
      // Smaller pieces may still fit.
    }
  }
}

function say(answer: Answer): void {
  const bytes = new TextEncoder().encode(JSON.stringify(answer) + "\n");
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

for await (const line of lines(Deno.stdin.readable)) {
  try {
    say({ ok: true, value: await carryOut(JSON.parse(line)) ?? null });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say({ ok: false, code: error instanceof OperationalError ? error.code : "bug", message });
  }
}
