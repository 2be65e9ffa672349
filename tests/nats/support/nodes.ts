/**
 * The logs of several nodes on a real nats-server, in real time.
 *
 * @module
 */

import { jetstreamManager } from "@nats-io/jetstream";
import { openJetStreamLog } from "../../../gateway/log/mod.ts";
import { connectNats } from "../../../gateway/cluster/connect.ts";
import type { CommandLog, Message, MessageLog, SharedCommand } from "../../../gateway/ports.ts";
import { SystemClock } from "../../../gateway/runtime/clock.ts";
import { RandomIds } from "../../../gateway/runtime/ids.ts";
import { FakeLogger } from "../../../mock/doubles/logger.ts";

/** The limit for anything that must happen. */
const LIMIT_MS = 30_000;

export interface Node extends AsyncDisposable {
  readonly log: MessageLog & CommandLog;
  readonly logger: FakeLogger;
  readonly heard: readonly Message[];
  readonly commands: readonly SharedCommand[];
  /** Purges every entry of the stream before number `before`. */
  purge(before: number): Promise<void>;
  removeStream(): Promise<void>;
  /** Deletes the entry with this number. */
  remove(number: number): Promise<void>;
}

export async function startNode(
  url: string,
  options: { readonly windowBytes?: number } = {},
): Promise<Node> {
  const logger = new FakeLogger();
  const world = { clock: new SystemClock(), ids: new RandomIds(), logger };
  const nats = await connectNats({ servers: [url] }, world);
  const names = { stream: "messages", subject: "gateway", replicas: 1 };
  const log = await openJetStreamLog({ ...world, ...names, ...options, nats });
  const heard: Message[] = [];
  log.subscribe((messages) => heard.push(...messages));
  const commands: SharedCommand[] = [];
  log.subscribeCommands((command) => commands.push(command));
  return {
    log,
    logger,
    heard,
    commands,
    purge: async (before) => {
      const manager = await jetstreamManager(nats);
      await manager.streams.purge("messages", { seq: before });
    },
    removeStream: async () => {
      const manager = await jetstreamManager(nats);
      await manager.streams.delete("messages");
    },
    remove: async (number) => {
      const manager = await jetstreamManager(nats);
      await manager.streams.deleteMessage("messages", number);
    },
    [Symbol.asyncDispose]: async () => {
      await log.close();
      await nats.close();
    },
  };
}

/** Repeats `attempt` until it succeeds. */
export async function eventually<T>(attempt: () => Promise<T> | T): Promise<T> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
