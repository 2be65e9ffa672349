/**
 * The logs under the contract suite. To test another one, add a factory.
 *
 * @module
 */

import { createMemoryLog, openJetStreamLog, openSqliteLog } from "../../gateway/log/mod.ts";
import { connectNats } from "../../gateway/cluster/connect.ts";
import type { CommandLog, MessageLog } from "../../gateway/ports.ts";
import { overrideLog } from "../../gateway/util.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { tempDirectory } from "../log/support/temp_directory.ts";
import { NatsServer, NO_NATS } from "../nats/support/server.ts";
import { needs } from "../permissions.ts";

export interface Fixture extends AsyncDisposable {
  readonly log: MessageLog;
  readonly clock: FakeClock;
  readonly logger: FakeLogger;
  /** Closes the log and reopens it; `log` is then the new one. */
  reopen(): Promise<void>;
}

export interface LogFactory {
  readonly name: string;
  /** The reason to skip all its tests, if any. */
  readonly skipped?: string | undefined;
  /** The reason why tests cannot reopen it. */
  readonly forgets?: string;
  /** The reason why tests cannot move its clock. */
  readonly realTime?: string;
  /** A new log that stores messages for an hour. */
  create(): Promise<Fixture>;
}

/** The retention of the logs under test. */
export const RETENTION_MS: number = 60 * 60 * 1000;

/** The factory of a log that has files. */
const ON_DISK = { skipped: needs("read", "write") };

export const LOGS: readonly LogFactory[] = [
  {
    name: "MemoryLog",
    forgets: "it is in memory",
    create: () => {
      const world = newWorld();
      const log = createMemoryLog({ ...world, retentionMs: RETENTION_MS });
      return Promise.resolve({
        ...world,
        log,
        reopen: () => Promise.reject(new Error("it is in memory")),
        [Symbol.asyncDispose]: () => log.close(),
      });
    },
  },
  { name: "SqliteLog (own thread)", ...ON_DISK, create: () => createSqlite("own") },
  { name: "SqliteLog (worker)", ...ON_DISK, create: () => createSqlite("worker") },
  {
    name: "JetStreamLog",
    skipped: NO_NATS,
    realTime: "NATS has a clock of its own",
    create: () => createJetStream({}),
  },
  {
    name: "JetStreamLog (nothing in memory)",
    skipped: NO_NATS,
    realTime: "NATS has a clock of its own",
    create: () => createJetStream({ windowBytes: 0 }),
  },
  ...[{}, { windowBytes: 0 }].map((window): LogFactory => ({
    name: `JetStreamLog (commands in between${
      "windowBytes" in window ? ", nothing in memory" : ""
    })`,
    skipped: NO_NATS,
    realTime: "NATS has a clock of its own",
    create: async () => {
      const fixture = await createJetStream(window);
      await ask(fixture.log);
      let log = withCommands(fixture.log);
      return {
        clock: fixture.clock,
        logger: fixture.logger,
        get log() {
          return log;
        },
        reopen: async () => {
          await ask(fixture.log);
          await fixture.reopen();
          log = withCommands(fixture.log);
        },
        [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
      };
    },
  })),
];

function ask(log: CommandLog): Promise<void> {
  return log.appendCommand({
    do: "join",
    user: "alice",
    channel: "room",
    reply: "nodes.answers.0",
  });
}

/** A log in which a command precedes every publish. */
function withCommands(log: MessageLog & CommandLog): MessageLog {
  const between = <T>(publish: () => Promise<T>): Promise<T> => {
    // Not awaited, to retain the order of calls. A closed log may refuse it.
    ask(log).catch(() => {});
    return publish();
  };
  return overrideLog(log, {
    publish: (drafts) => between(() => log.publish(drafts)),
    publishOnce: (key, drafts) => between(() => log.publishOnce(key, drafts)),
  });
}

async function createJetStream(
  window: { readonly windowBytes?: number },
): Promise<Fixture & { readonly log: MessageLog & CommandLog }> {
  const server = await NatsServer.start();
  const world = newWorld();
  const options = { stream: "messages", subject: "gateway", replicas: 1, ...window };
  let nats = await connectNats({ servers: [server.url] }, world);
  let log = await openJetStreamLog({ ...world, ...options, nats });
  const close = async () => {
    await log.close();
    await nats.close();
  };
  return {
    ...world,
    get log() {
      return log;
    },
    reopen: async () => {
      await close();
      nats = await connectNats({ servers: [server.url] }, world);
      log = await openJetStreamLog({ ...world, ...options, nats });
    },
    [Symbol.asyncDispose]: async () => {
      await close();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function createSqlite(thread: "own" | "worker"): Promise<Fixture> {
  const directory = tempDirectory();
  const world = newWorld();
  const options = { directory, testing: { thread }, retentionMs: RETENTION_MS };
  let log = await openSqliteLog({ ...world, ...options });
  return {
    ...world,
    get log() {
      return log;
    },
    reopen: async () => {
      await log.close();
      log = await openSqliteLog({ ...world, ...options });
    },
    [Symbol.asyncDispose]: async () => {
      await log.close();
      Deno.removeSync(directory, { recursive: true });
    },
  };
}

function newWorld(): { clock: FakeClock; ids: FakeIds; logger: FakeLogger } {
  return { clock: new FakeClock(), ids: new FakeIds("epoch"), logger: new FakeLogger() };
}
