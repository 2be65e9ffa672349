/**
 * Validates the options of a client and adds the defaults.
 *
 * @module
 */

import type { ConnectionDeps } from "./connection.ts";
import { isListenable, isObject } from "./realm.ts";
import { resolveUrl, systemClock, systemRandom, systemWebSocket } from "./runtime.ts";
import type { GatewayClientOptions } from "./types.ts";

export interface ResolvedOptions extends ConnectionDeps {
  readonly getToken: GatewayClientOptions["getToken"];
  readonly signal: AbortSignal | undefined;
  readonly random: () => number;
  readonly maxQueuedMessages: number;
}

/** Checks types too, for apps in JavaScript. @throws {TypeError} for options that can never work */
export function resolveOptions(options: GatewayClientOptions): ResolvedOptions {
  expect(isObject(options), "expected an object of options");
  const { getToken, lastId, signal } = options;
  const { maxQueuedMessages = 1000, connectTimeoutMs = 30_000 } = options;
  expect(typeof getToken === "function", "getToken: expected a function");
  expect(
    lastId === undefined || typeof lastId === "string",
    `lastId: expected text, or undefined where there is none, got ${lastId}`,
  );
  expect(
    signal === undefined || isListenable(signal) && typeof signal.aborted === "boolean",
    "signal: expected an AbortSignal",
  );
  expect(maxQueuedMessages >= 1, "maxQueuedMessages: expected 1 or more");
  expect(connectTimeoutMs > 0, "connectTimeoutMs: expected a positive number");
  return {
    url: resolveUrl(options.url),
    getToken,
    signal,
    maxQueuedMessages,
    connectTimeoutMs,
    WebSocket: options.WebSocket ?? systemWebSocket(),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

function expect(isGood: boolean, what: string): void {
  if (!isGood) throw new TypeError(what);
}
