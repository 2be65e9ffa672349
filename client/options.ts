/**
 * The options of a client: what is wrong with them, and what they leave out.
 *
 * @module
 */

import type { ConnectionDeps } from "./connection.ts";
import { isListenable, isObject } from "./realm.ts";
import { resolveUrl, systemClock, systemRandom, systemWebSocket } from "./runtime.ts";
import type { GatewayClientOptions } from "./types.ts";

const MAX_QUEUED = 1000;
const CONNECT_TIMEOUT_MS = 30_000;

/** Options with nothing left out. */
export interface ResolvedOptions extends ConnectionDeps {
  readonly getToken: GatewayClientOptions["getToken"];
  readonly signal: AbortSignal | undefined;
  readonly random: () => number;
  readonly maxQueuedMessages: number;
}

/** Fills in what is left out. @throws {TypeError} for what can never work */
export function resolveOptions(options: GatewayClientOptions): ResolvedOptions {
  assertOptions(options);
  return {
    url: resolveUrl(options.url),
    getToken: options.getToken,
    signal: options.signal,
    maxQueuedMessages: options.maxQueuedMessages ?? MAX_QUEUED,
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    WebSocket: options.WebSocket ?? systemWebSocket(),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

/** Looks at what no type has checked, in an app in JavaScript. */
function assertOptions(options: GatewayClientOptions): void {
  const expect = (isGood: boolean, what: string): void => {
    if (!isGood) throw new TypeError(what);
  };
  expect(isObject(options), "expected an object of options");
  const { getToken, lastId, signal, maxQueuedMessages, connectTimeoutMs } = options;
  expect(typeof getToken === "function", "getToken: expected a function");
  expect(
    lastId === undefined || typeof lastId === "string",
    `lastId: expected text, or undefined where there is none, got ${lastId}`,
  );
  expect(
    signal === undefined || isListenable(signal) && typeof signal.aborted === "boolean",
    "signal: expected an AbortSignal",
  );
  expect(
    maxQueuedMessages === undefined || maxQueuedMessages >= 1,
    "maxQueuedMessages: expected 1 or more",
  );
  expect(
    connectTimeoutMs === undefined || connectTimeoutMs > 0,
    "connectTimeoutMs: expected a positive number",
  );
}
