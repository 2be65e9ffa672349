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
  let href = "";
  // `URL.canParse` and `URL.parse` are missing in Safari 16, and setters of URLs in React Native.
  try {
    ({ href } = new URL(text, page ? String(page) : undefined));
  } catch {
    // Reported below.
  }
  if (!/^(ws|http)s?:/.test(href)) {
    throw new TypeError(`url: expected ws: or wss:, got ${JSON.stringify(text)}`);
  }
  return href.replace(/^http/, "ws").replace(/#.*/, "");
}

/** Calls `callback` when the network goes or comes back, or the page is used again; returns how to stop. */
export function onWake(callback: (isOffline: boolean) => void): () => void {
  const page: unknown = Reflect.get(globalThis, "document");
  const wake = (event: { readonly type: string }): void => {
    const { type } = event;
    // `pageshow` also follows a load; then nothing has changed.
    if (type === "pageshow" && fieldOf(event, "persisted") !== true) return;
    // A hidden page may wait to reconnect, but must not show a connection that is lost; and a frozen one
    // resumes while it is hidden.
    const isOffline = type === "offline";
    if (isOffline || type === "resume" || fieldOf(page, "visibilityState") !== "hidden") {
      callback(isOffline);
    }
  };
  // Deno has these methods, too, and never calls the listener.
  const change = (method: "addEventListener" | "removeEventListener"): void => {
    for (const type of ["online", "offline", "pageshow"]) {
      if (isListenable(globalThis)) globalThis[method](type, wake);
    }
    for (const type of ["visibilitychange", "resume"]) {
      if (isListenable(page)) page[method](type, wake);
    }
  };
  change("addEventListener");
  return () => change("removeEventListener");
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
