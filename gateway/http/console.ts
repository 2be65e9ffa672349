/**
 * The console's routes: the page at `/`, its files, and its settings at `/console.json` (docs/http.md, "The
 * console"). They are internal, so no document lists them.
 *
 * @module
 */

import { DEVELOPMENT_PUBLISH_KEY } from "../config/keys.ts";
import { json } from "./answer.ts";
import type { App, ConsoleOptions } from "./types.ts";
import { problem } from "./problem.ts";

const ROUTES = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/console.js": { file: "console.js", type: "text/javascript; charset=utf-8" },
  "/console.css": { file: "console.css", type: "text/css; charset=utf-8" },
  "/console.svg": { file: "console.svg", type: "image/svg+xml" },
} as const;

/** The names of the page's files. */
export const CONSOLE_FILES: readonly string[] = Object.values(ROUTES).map(({ file }) => file);

/**
 * The page holds tokens and a publish key: it runs only its own files, connects only to this gateway (and
 * to `clientsUrl`, unless that is empty), and no other page can frame it, read it or reach its window.
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

/** The origin for clients, under the host name of the request; empty if it is the page's own. */
function clientsUrlOf(request: Request, { clientsUrl }: ConsoleOptions): string {
  if (clientsUrl === undefined) return "";
  const url = new URL(clientsUrl);
  url.hostname = new URL(request.url).hostname;
  return url.origin;
}

export function addConsoleRoutes(
  app: App,
  { console: options, version, publishKeys, login }: {
    readonly console: ConsoleOptions;
    readonly version: string;
    readonly publishKeys: readonly string[];
    /** `POST /login` exists. */
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
    // The page asks for any other key, because this one is public.
    publish_key: publishKeys.find((key) => key === DEVELOPMENT_PUBLISH_KEY),
    heartbeat_interval: options.heartbeatIntervalMs,
    version,
  };
  app.get("/console.json", ({ req }) => {
    const clientsUrl = clientsUrlOf(req.raw, options);
    const headers = { ...strict(clientsUrl), "content-type": "application/json" };
    return json(200, { ...settings, clients_url: clientsUrl || undefined }, headers);
  });
}
