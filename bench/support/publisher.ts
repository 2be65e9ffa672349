/**
 * Publishes as the app's backend does: at a fixed rate regardless of the answers, or from many connections as
 * fast as answers arrive.
 *
 * @module
 */

import { HttpConnection } from "./http_connection.ts";
import { inClosedLoop } from "./parallel.ts";

/** Publishes to one node. Opens a connection when all others wait for an answer. */
export class Publisher implements Disposable {
  readonly #url: string;
  readonly #key: string;
  readonly #idle: HttpConnection[] = [];

  /** @param url of the node; @param key the publish key */
  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** Calls `body` and publishes it. Rejects if it is not accepted. */
  publish(body: () => string): Promise<void> {
    return this.#post("/messages", body, 201);
  }

  /** The same for a signal. */
  signal(body: () => string): Promise<void> {
    return this.#post("/signals", body, 202);
  }

  async #post(path: string, body: () => string, accepted: number): Promise<void> {
    const connection = this.#idle.pop() ?? await HttpConnection.open(this.#url);
    const request = connection.request(path, { key: this.#key, body: body() });
    const status = await connection.send(request);
    if (status !== accepted) throw new Error(`the gateway answered ${status}`);
    this.#idle.push(connection);
  }

  [Symbol.dispose](): void {
    for (const connection of this.#idle) connection[Symbol.dispose]();
  }
}

/** Publishes `messages` messages, `rate` a second, by the publishers in turn. Waits for all answers. */
export async function publishAtRate(
  publishers: readonly Publisher[],
  { messages, rate, body }: {
    readonly messages: number;
    readonly rate: number;
    readonly body: (index: number) => string;
  },
): Promise<void> {
  await atRate({ times: messages, rate }, async (index) => {
    await publishers[index % publishers.length]?.publish(() => body(index));
  });
}

/**
 * Calls `work` `times` times, `rate` a second, without waiting for earlier calls, and immediately if overdue.
 * Resolves when all have settled; rejects if one has.
 */
export async function atRate(
  { times, rate }: { readonly times: number; readonly rate: number },
  work: (index: number) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const pending: Promise<void>[] = [];
  const start = performance.now();
  for (let index = 0; index < times && failures.length === 0; index++) {
    const waitMs = start + index / rate * 1000 - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    pending.push(work(index).catch((error) => void failures.push(error)));
  }
  await Promise.all(pending);
  if (failures.length > 0) throw failures[0];
}

/** Publishes from every connection as fast as answers come, for `ms`. */
export async function publishClosedLoop(
  connections: readonly HttpConnection[],
  { body, messagesPerRequest = 1, key, ms }: {
    readonly body: string;
    readonly messagesPerRequest?: number;
    readonly key: string;
    readonly ms: number;
  },
): Promise<{ readonly messages: number; readonly rate: number }> {
  const start = performance.now();
  const clients = connections.map((connection) => ({
    connection,
    request: connection.request("/messages", { key, body }),
  }));
  const requests = await inClosedLoop(clients, ms, async ({ connection, request }) => {
    const status = await connection.send(request);
    if (status !== 201) throw new Error(`the gateway answered ${status}`);
  });
  const messages = requests * messagesPerRequest;
  return { messages, rate: messages / (performance.now() - start) * 1000 };
}
