/**
 * The platform's defaults: time, randomness, `WebSocket`, and events of the network and the page. The only file
 * of the client that uses globals.
 *
 * @module
 */

import { fieldOf, isListenable } from "./realm.ts";
import type { ClientClock, ClientSocketConstructor } from "./types.ts";

/** The maximum of `setTimeout`; a longer delay would fire at once. */
const MAX_MS = 2 ** 31 - 1;

export const systemClock: ClientClock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  setTimer(delayMs, callback) {
    const id = setTimeout(callback, Math.min(delayMs, MAX_MS));
    return { cancel: () => clearTimeout(id) };
  },
};

export function systemRandom(): number {
  return Math.random();
}

/** @throws {TypeError} without a global `WebSocket`, as in Node before 22 */
export function systemWebSocket(): ClientSocketConstructor {
  if (typeof WebSocket === "undefined") {
    throw new TypeError("there is no global WebSocket here: give one in the option WebSocket");
  }
  return WebSocket;
}

/** Returns the URL for a WebSocket, relative to the page if there is one. @throws {TypeError} if invalid */
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

/** Calls `callback` when the network goes or comes back, or the page is used again; returns how to stop. */
export function onWake(callback: (isOffline: boolean) => void): () => void {
  const page: unknown = Reflect.get(globalThis, "document");
  const types = ["online", "offline", "pageshow", "visibilitychange", "resume"];
  const wake = (event: { readonly type: string }): void => {
    // `pageshow` also follows a load; then nothing has changed.
    if (event.type === "pageshow" && fieldOf(event, "persisted") !== true) return;
    // A hidden page may wait to reconnect, but must not show a connection that is lost; and a frozen one
    // resumes while it is hidden.
    const isOffline = event.type === "offline";
    if (
      isOffline || event.type === "resume" || fieldOf(page, "visibilityState") !== "hidden"
    ) {
      callback(isOffline);
    }
  };
  const listening = types.flatMap((type) => {
    const target = type === "visibilitychange" || type === "resume" ? page : globalThis;
    // Deno has these methods, too, and never calls the listener.
    if (!isListenable(target)) return [];
    target.addEventListener(type, wake);
    return [() => target.removeEventListener(type, wake)];
  });
  return () => {
    for (const stop of listening) stop();
  };
}

/** Reports an error that has no listener. */
export function warn(error: Error): void {
  console.warn("E-Magine Gateway:", error);
}

/** Reports what a listener threw as an uncaught error; not by a timer, because tests fake timers. */
export function reportUncaught(error: unknown): void {
  void Promise.resolve().then(() => {
    // Node has no `reportError`, and treats an unhandled rejection as an uncaught error.
    if (typeof reportError !== "function") throw error;
    reportError(error);
  });
}
