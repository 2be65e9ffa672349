/**
 * What the client takes from the platform unless it is given something else: time, randomness, `WebSocket`,
 * and the news that a device or a network is back. The only file of the client that touches globals.
 *
 * @module
 */

import { fieldOf, isListenable } from "./realm.ts";
import type { ClientClock, ClientSocketConstructor } from "./types.ts";

/** The longest delay that `setTimeout` takes for what it is; a longer one would fire at once. */
const MAX_MS = 2 ** 31 - 1;

/** The machine's time. */
export const systemClock: ClientClock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  setTimer(delayMs, callback) {
    const id = setTimeout(callback, Math.min(delayMs, MAX_MS));
    return { cancel: () => clearTimeout(id) };
  },
};

/** A number in [0, 1). */
export function systemRandom(): number {
  return Math.random();
}

/** The global `WebSocket`. @throws {TypeError} where there is none, as in Node before 22 */
export function systemWebSocket(): ClientSocketConstructor {
  if (typeof WebSocket === "undefined") {
    throw new TypeError("there is no global WebSocket here: give one in the option WebSocket");
  }
  return WebSocket;
}

/** `url` as a WebSocket takes it, relative to the page where there is one. @throws {TypeError} for no URL */
export function resolveUrl(url: string | URL): string {
  const text = String(url);
  const page = fieldOf(Reflect.get(globalThis, "location"), "href");
  const href = parseUrl(text) ?? (typeof page === "string" ? parseUrl(text, page) : undefined);
  if (href === undefined || !/^(?:ws|http)s?:/.test(href)) {
    throw new TypeError(`url: expected ws: or wss:, got ${JSON.stringify(text)}`);
  }
  return href.replace(/^http/, "ws").replace(/#.*/, "");
}

/** `URL.canParse` and `URL.parse` are missing in Safari 16, and setters of URLs in React Native. */
function parseUrl(text: string, base?: string): string | undefined {
  try {
    return new URL(text, base).href;
  } catch {
    return undefined;
  }
}

/** What happened to the device or the page. */
export interface Wake {
  /** Whether the network is gone, and not back. */
  readonly isOffline: boolean;
}

/** Calls `callback` when the network is gone or back, or the page is used again; returns how to stop. */
export function onWake(callback: (wake: Wake) => void): () => void {
  const page: unknown = Reflect.get(globalThis, "document");
  const targets: (readonly [unknown, string])[] = [
    [globalThis, "online"],
    [globalThis, "offline"],
    [globalThis, "pageshow"],
    [page, "visibilitychange"],
    [page, "resume"],
  ];
  const wake = (event: { readonly type: string }): void => {
    // A page is shown when it is loaded, too: nothing has changed since then.
    if (event.type === "pageshow" && fieldOf(event, "persisted") !== true) return;
    // A page that is left has time to connect; but what it shows must be true, and one that was frozen resumes
    // while it is hidden.
    const isUrgent = event.type === "offline" || event.type === "resume";
    if (isUrgent || fieldOf(page, "visibilityState") !== "hidden") {
      callback({ isOffline: event.type === "offline" });
    }
  };
  const listening = targets.flatMap(([target, type]) => {
    // Deno has these methods too, and never tells such a thing.
    if (!isListenable(target)) return [];
    target.addEventListener(type, wake);
    return [() => target.removeEventListener(type, wake)];
  });
  return () => {
    for (const stop of listening) stop();
  };
}

/** Says something to the developer where nobody listens. */
export function warn(error: Error): void {
  console.warn("E-Magine Gateway:", error);
}

/** Reports what a listener threw, as if nobody had caught it; never through timers, which tests fake. */
export function reportUncaught(error: unknown): void {
  void Promise.resolve().then(() => {
    // Node has no `reportError`, and takes an unhandled rejection for an uncaught error.
    if (typeof reportError !== "function") throw error;
    reportError(error);
  });
}
