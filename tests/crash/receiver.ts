/**
 * A client of the crash harness: one object of the client library for the whole run, which reconnects by itself,
 * and a record of the messages that it delivers.
 *
 * Trouble that its route does not explain ends it, and so does trouble that lasts too long.
 *
 * @module
 */

import { GatewayClient, type Message } from "../../client/mod.ts";
import { Audit } from "../conformance/support/audit.ts";
import { webSocketTo } from "../conformance/support/web_socket.ts";
import type { Counts, Known } from "./report.ts";
import type { Login, Route } from "./route.ts";

/** The limit for reconnecting, after which the run fails, in milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * An app that reads in a loop, too slowly: the number of messages that may wait, the number after which it rests
 * until the client has paused, and the limit of a rest.
 */
const SLOW = { maxQueuedMessages: 100, restEvery: 125, longestRestMs: 200 };

export interface ReceiverOptions extends Login {
  readonly route: Route;
  /** Counts the client's events. */
  readonly counts: Counts;
  /** True if it reads slowly in a loop, so that the client library must pause. */
  readonly slow: boolean;
  /** The content of the last message. */
  readonly last: string;
  /** Called at its first Ready. */
  readonly ready: () => void;
}

/** Receives until the last message. Throws for trouble that is not counted. */
export async function receive(options: ReceiverOptions): Promise<readonly Known[]> {
  const { route, user, channels, slow } = options;
  const audit = new Audit();
  await using client = new GatewayClient({
    url: "ws://gateway.invalid/gateway",
    WebSocket: webSocketTo({ url: () => route.enter().wsUrl, audit }),
    getToken: async ({ reason }) => {
      const token = await route.login({ user, channels });
      if (reason === "refused") options.counts.renewals += 1;
      return token;
    },
    random: route.random,
    maxQueuedMessages: slow ? SLOW.maxQueuedMessages : undefined,
  });
  const trouble = watch(client, options);
  const reading = slow ? readInLoop(client, options.last) : hear(client, options.last);
  const received = await Promise.race([reading, trouble]);
  options.counts.hidden += audit.faults.length;
  return received;
}

/** Counts events of `client`; rejects for unexplained ones. */
function watch(
  client: GatewayClient,
  { route, counts, user, ready }: ReceiverOptions,
): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  // It may come after the client has finished, when nothing awaits it.
  promise.catch(() => {});
  let overdue: ReturnType<typeof setTimeout> | undefined;
  const beImpatient = (what: string): void => {
    overdue ??= setTimeout(() => {
      reject(new Error(`${user} was not ready for ${PATIENCE_MS} ms: ${what}`));
    }, PATIENCE_MS);
  };
  const explain = (what: string, explains: () => void): void => {
    beImpatient(what);
    try {
      explains();
    } catch (error) {
      reject(error);
    }
  };
  let isLost = false;
  client.on("ready", ({ resumed }) => {
    clearTimeout(overdue);
    overdue = undefined;
    route.arrived();
    if (resumed === undefined) ready();
    else if (resumed && isLost) counts.resumed += 1;
    isLost = false;
  });
  client.on("gap", () => counts.refused += 1);
  client.on("disconnect", (disconnect) => {
    isLost = true;
    counts.disconnects += 1;
    explain(`closed with ${disconnect.code}`, () => route.left(disconnect));
  });
  client.on("state", (state) => {
    if (state === "paused") counts.pauses += 1;
  });
  client.on("error", (error) => explain(error.message, () => route.loginFailed(error)));
  client.on("close", (error) => {
    clearTimeout(overdue);
    if (error !== undefined) reject(error);
  });
  beImpatient("it never was");
  return promise;
}

/** Receives messages through a listener. */
function hear(client: GatewayClient, last: string): Promise<readonly Known[]> {
  const received: Known[] = [];
  return new Promise((resolve) => {
    client.on("message", (message) => {
      received.push(known(message));
      if (message.content === last) resolve(received);
    });
  });
}

/** Reads messages in a loop, with rests. */
async function readInLoop(client: GatewayClient, last: string): Promise<readonly Known[]> {
  const received: Known[] = [];
  for await (const message of client) {
    received.push(known(message));
    if (message.content === last) break;
    if (received.length % SLOW.restEvery === 0) await rest(client);
  }
  return received;
}

/** Rests until too many messages wait, or the time is up. */
function rest(client: GatewayClient): Promise<void> {
  if (client.state === "paused") return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, SLOW.longestRestMs);
  const stop = client.on("state", (state) => {
    if (state === "paused") resolve();
  });
  return promise.finally(() => {
    stop();
    clearTimeout(timer);
  });
}

function known({ id, content }: Message): Known {
  return { id, content: String(content) };
}
