/**
 * A thread that asks a gateway who is connected, so that reading the answers does not hold the gateway up.
 *
 * @module
 */

/** A task of the thread: asks again and again for `seconds`. */
export interface AskingTask {
  readonly url: string;
  readonly key: string;
  readonly channel: string;
  readonly what: "pages" | "users" | "count";
  /** Users in a page, and asked for at once. */
  readonly size: number;
  readonly names: readonly string[];
  readonly seconds: number;
}

interface WorkerScope {
  onmessage: ((event: MessageEvent<AskingTask>) => void) | null;
  postMessage(times: readonly number[]): void;
}

const scope = globalThis as unknown as WorkerScope;

if (typeof WorkerGlobalScope !== "undefined") {
  scope.onmessage = ({ data }) => void ask(data).then((times) => scope.postMessage(times));
}

/** Asks in a thread of its own. Resolves with the milliseconds that each answer took. */
export async function askInThread(task: AskingTask): Promise<readonly number[]> {
  const worker = new Worker(import.meta.url, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<readonly number[]>) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(task);
    });
  } finally {
    worker.terminate();
  }
}

async function ask(task: AskingTask): Promise<readonly number[]> {
  const times: number[] = [];
  const end = performance.now() + task.seconds * 1000;
  let after: string | undefined;
  for (let index = 0; performance.now() < end; index += 1) {
    const path = pathOf(task, { after, index });
    const start = performance.now();
    const response = await fetch(task.url + path, {
      headers: { authorization: `Bearer ${task.key}` },
    });
    const answer = await response.json();
    times.push(performance.now() - start);
    if (!response.ok) throw new Error(`${path.slice(0, 80)}: ${JSON.stringify(answer)}`);
    after = answer.more === true ? answer.users.at(-1).user : undefined;
  }
  return times;
}

function pathOf(
  { what, channel, size, names }: AskingTask,
  { after, index }: { readonly after: string | undefined; readonly index: number },
): string {
  switch (what) {
    case "pages": {
      const from = after === undefined ? "" : `&after=${after}`;
      return `/channels/${channel}/users?limit=${size}${from}`;
    }
    case "users": {
      const start = index * size % names.length;
      return `/users?user=${names.slice(start, start + size).join("&user=")}`;
    }
    case "count":
      return `/channels/${channel}`;
  }
}
