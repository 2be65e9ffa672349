/**
 * A thread with receivers that ask for signals and ignore what they get, so that reading it does not make late what
 * the benchmark itself looks at.
 *
 * @module
 */

import { signToken } from "./deployment.ts";
import { CONNECTING_AT_ONCE, inParallel } from "./parallel.ts";
import { Receiver } from "./receiver.ts";

interface CrowdTask {
  readonly url: string;
  readonly size: number;
  readonly channel: string;
}

interface WorkerScope {
  readonly name: string;
  postMessage(message: "ready"): void;
}

const NOBODY = { message: () => {}, heartbeat: () => {}, failed: () => {} };

const scope = globalThis as unknown as WorkerScope;

if (typeof WorkerGlobalScope !== "undefined") {
  await connect(JSON.parse(scope.name));
  scope.postMessage("ready");
}

/** Connects the crowd, which stays until it is disposed of. */
export async function connectCrowd(task: CrowdTask): Promise<Disposable> {
  // In its name, because a message would come before the modules of the thread have awaited theirs.
  const worker = new Worker(import.meta.url, { type: "module", name: JSON.stringify(task) });
  await new Promise((resolve, reject) => {
    worker.onmessage = resolve;
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  return { [Symbol.dispose]: () => worker.terminate() };
}

async function connect({ url, size, channel }: CrowdTask): Promise<void> {
  const users = Array.from({ length: size }, (_, index) => `crowd-${index}`);
  await inParallel(users, CONNECTING_AT_ONCE, async (user) => {
    const token = await signToken(user, channel);
    await Receiver.connect(url, { token, listener: NOBODY, signals: true, ignores: true });
  });
}
