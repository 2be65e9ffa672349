/**
 * Validates the options of a client and adds the defaults.
 *
 * @module
 */

import type { ConnectionDeps } from "./connection.ts";
import { isListenable, isObject } from "./realm.ts";
import { resolveUrl, systemClock, systemRandom, systemWebSocket } from "./runtime.ts";
import type { GatewayClientOptions } from "./types.ts";

const MAX_QUEUED = 1000;
const CONNECT_TIMEOUT_MS = 30_000;

export interface ResolvedOptions extends ConnectionDeps {
  readonly getToken: GatewayClientOptions["getToken"];
  readonly signal: AbortSignal | undefined;
  readonly random: () => number;
  readonly maxQueuedMessages: number;
}

/** @throws {TypeError} for options that can never work */
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

/** Checks types, for apps in JavaScript. */
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
