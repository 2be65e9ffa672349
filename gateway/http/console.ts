/**
 * The console's routes: one page at `/`, what it is made of, and what it has to know of this gateway
 * (docs/http.md, "The console").
 *
 * The files are given as text: nothing is read here. They are no part of the interface for programs, and
 * so of no document.
 *
 * @module
 */

import { json } from "./answer.ts";
import type { App, ConsoleOptions } from "./types.ts";
import { problem } from "./problem.ts";

/** What is served at which path: the name of the file and its media type. */
const ROUTES = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/console.js": { file: "console.js", type: "text/javascript; charset=utf-8" },
  "/console.css": { file: "console.css", type: "text/css; charset=utf-8" },
  "/console.svg": { file: "console.svg", type: "image/svg+xml" },
} as const;

/** The names of the files that the page is made of. */
export const CONSOLE_FILES: readonly string[] = Object.values(ROUTES).map(({ file }) => file);

/**
 * The page holds tokens and a publish key: nothing but its own files runs in it, it talks to nobody but
 * this gateway (at `clientsUrl` too, if that is not empty), and no other page frames it, reads it or has a handle on its window.
 */
function strict(clientsUrl: string): Readonly<Record<string, string>> {
  const clients = clientsUrl === "" ? "" : ` ${clientsUrl} ${clientsUrl.replace(/^http/, "ws")}`;
  return {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
      `connect-src 'self'${clients}; img-src 'self'; base-uri 'none'; form-action 'none'; ` +
      "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    // So that a page never meets the script of another version.
    "cache-control": "no-store",
  };
}

/** Where clients are served, under the name by which the page was asked for; empty for the page's own place. */
function clientsUrlOf(request: Request, { clientsUrl }: ConsoleOptions): string {
  if (clientsUrl === undefined) return "";
  const url = new URL(clientsUrl);
  url.hostname = new URL(request.url).hostname;
  return url.origin;
}

/** Adds the page, its files and `GET /console.json`. */
export function addConsoleRoutes(
  app: App,
  { console: options, version, login }: {
    readonly console: ConsoleOptions;
    readonly version: string;
    /** Whether `POST /login` is there. */
    readonly login: boolean;
  },
): void {
  for (const [path, { file, type }] of Object.entries(ROUTES)) {
    app.get(path, ({ req }) => {
      const text = options.files.get(file);
      if (text === undefined) {
        return problem(
          "console_not_built",
          "The console is not built: run `deno task build:console` and start the gateway again.",
        );
      }
      const headers = strict(clientsUrlOf(req.raw, options));
      return new Response(text, { headers: { ...headers, "content-type": type } });
    });
  }
  const settings = {
    login,
    publish_key: options.publishKey,
    heartbeat_interval: options.heartbeatIntervalMs,
    version,
  };
  app.get("/console.json", ({ req }) => {
    const clientsUrl = clientsUrlOf(req.raw, options);
    const headers = { ...strict(clientsUrl), "content-type": "application/json" };
    return json(200, { ...settings, clients_url: clientsUrl || undefined }, headers);
  });
}
