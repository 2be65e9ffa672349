/**
 * Runs asynchronous work with bounded concurrency, or in a closed loop for a fixed time.
 *
 * @module
 */

/** The concurrency of connecting many clients. */
export const CONNECTING_AT_ONCE = 32;

/** Calls `work` with each item, `atOnce` at a time. */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Calls `request` with each client again and again for `ms`. Returns the number of calls. */
export async function inClosedLoop<T>(
  clients: readonly T[],
  ms: number,
  request: (client: T) => Promise<void>,
): Promise<number> {
  const until = performance.now() + ms;
  let requests = 0;
  await Promise.all(clients.map(async (client) => {
    while (performance.now() < until) {
      await request(client);
      requests += 1;
    }
  }));
  return requests;
}
