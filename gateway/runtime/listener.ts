/**
 * `Deno.serve` and the upgrade: from a request on a port to an admitted connection.
 *
 * Who may connect is decided here as far as HTTP goes (origin, proxies, draining); what a connection does
 * is the gateway's.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { Gateway } from "../gateway.ts";
import { problem } from "../http/problem.ts";
import type { Metrics } from "../metrics.ts";
import type { Logger } from "../ports.ts";
import { WebSocketAdapter } from "./websocket.ts";

/** What upgrading works with. */
export interface UpgradeOptions {
  /** Who gets the sockets. */
  readonly gateway: Gateway;
  /** Where is said what this runtime cannot do. */
  readonly logger: Logger;
  /** Where refusals are counted. */
  readonly metrics: Metrics;
  /** Origins from which browsers may connect, in lower case; empty allows all. */
  readonly allowedOrigins: readonly string[];
}

/** Makes what answers `GET /gateway`: upgrades the request and hands the socket to the gateway. */
export function createUpgrade(
  { gateway, logger, metrics, allowedOrigins }: UpgradeOptions,
): (request: Request, address: string) => Response {
  return (request, address) => {
    const refused = refuseHandshake(request.headers);
    if (refused !== undefined) return refused;
    const origin = request.headers.get("origin")?.toLowerCase();
    // Only browsers send an Origin, and only they carry somebody else's page.
    if (origin !== undefined && allowedOrigins.length > 0 && !allowedOrigins.includes(origin)) {
      metrics.refused("origin");
      return problem("origin_not_allowed", "this origin may not connect");
    }
    const entry = gateway.connect(address);
    if (entry === "draining") return problem("draining", "the gateway is restarting");
    if (entry === "full") return problem("too_many_connections", "too many connections");
    let upgraded: Deno.WebSocketUpgrade;
    try {
      upgraded = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    } catch (error) {
      entry.abandon();
      return problem(
        "bad_handshake",
        error instanceof Error ? error.message : "not a WebSocket upgrade",
      );
    }
    const { socket, response } = upgraded;
    socket.onopen = (): void => {
      entry.accept(new WebSocketAdapter(socket, logger));
    };
    // Until it is open, there is no connection to tell.
    socket.onerror = (event): void => event.preventDefault();
    socket.onclose = (): void => entry.abandon();
    return response;
  };
}

/** What the runtime would let pass though RFC 6455, section 4.2.1, does not. */
function refuseHandshake(headers: Headers): Response | undefined {
  if (headers.get("sec-websocket-version") !== "13") {
    return problem("upgrade_required", "Expected version 13 of the WebSocket protocol.", {
      headers: { upgrade: "websocket", "sec-websocket-version": "13" },
    });
  }
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "")) {
    return problem("bad_handshake", "Sec-WebSocket-Key is not 16 bytes in Base64.");
  }
  return undefined;
}

/** Where to listen. */
export interface ListenOptions {
  /** Name or address of the interface. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Certificate chain and key as PEM; without them, plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  /** How many proxies stand in front, each of which adds an address to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  /** Where requests that failed are told. */
  readonly logger: Logger;
  /** Answers a request from the client at `address`. */
  readonly handle: (
    request: Request,
    info: { readonly address: string },
  ) => Response | Promise<Response>;
}

/** How soon a listener that failed is tried again, in milliseconds. */
const RESTART_MS = 100;

/** A name or an address, and perhaps a port; nothing that could end the authority of a URL. */
const HOST = /^(?:[\w.-]*|\[[\da-f:.]+\])(?::\d*)?$/i;

/** A listening server. */
export interface Listener {
  /** Where it listens, as a URL without a path. */
  readonly url: string;
  /** Takes no new requests and resolves when the ones at hand are answered. */
  close(): Promise<void>;
}

/**
 * Listens.
 *
 * @throws {OperationalError} `bad_configuration` when the address cannot be listened on or TLS fails
 */
export function listen(options: ListenOptions): Listener {
  const { host, tls, logger } = options;
  let port = options.port;
  let closed = false;
  const start = (): Deno.HttpServer<Deno.NetAddr> => {
    const started = serve(options, port);
    // Without descriptors the runtime's accept loop ends, once; connections that are open live on.
    started.finished.catch((error: unknown) => {
      if (closed) return;
      logger.error("listening failed, and is begun again", { error: toError(error) });
      setTimeout(restart, RESTART_MS);
    });
    return started;
  };
  const restart = (): void => {
    if (closed) return;
    try {
      server = start();
    } catch (error) {
      logger.error("listening failed, and is begun again", { error: toError(error) });
      setTimeout(restart, RESTART_MS);
    }
  };
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = start();
  } catch (error) {
    throw unusable(address(host, port), tls !== undefined, error);
  }
  const { hostname, port: bound } = server.addr;
  port = bound;
  return {
    url: `${tls === undefined ? "http" : "https"}://${address(hostname, bound)}`,
    close: async () => {
      closed = true;
      await server.shutdown();
    },
  };
}

function serve(options: ListenOptions, port: number): Deno.HttpServer<Deno.NetAddr> {
  const { host, tls, logger, trustedProxies } = options;
  return Deno.serve({
    hostname: host,
    port,
    ...tls,
    onListen: () => {},
    onError: (error) => {
      logger.error("a request failed", { error: toError(error) });
      return problem("internal_error", "Something went wrong in the gateway; its log has it.");
    },
  }, (request, info) => {
    // The runtime makes the URL of Host and target, so that a Host with a path in it would choose the route;
    // and one with a number out of range, or a bad name, would make it a URL that cannot be read.
    if (!HOST.test(request.headers.get("host") ?? "") || !URL.canParse(request.url)) {
      return problem("invalid_host", "Host is not a name or address with an optional port.");
    }
    const address = clientAddress(request, info.remoteAddr.hostname, trustedProxies);
    return options.handle(request, { address });
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function address(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function unusable(at: string, tls: boolean, error: unknown): OperationalError {
  const cause = { cause: error };
  if (error instanceof Deno.errors.AddrInUse) {
    return new OperationalError(
      "bad_configuration",
      `GATEWAY_PORT: ${at} is already in use`,
      cause,
    );
  }
  const reason = error instanceof Error ? error.message : String(error);
  const names = tls
    ? "GATEWAY_HOST, GATEWAY_PORT, GATEWAY_TLS_CERT or GATEWAY_TLS_KEY"
    : "GATEWAY_HOST";
  return new OperationalError(
    "bad_configuration",
    `${names}: cannot listen on ${at}: ${reason}`,
    cause,
  );
}

/** The client's address: what the outermost trusted proxy saw, or the peer's own. */
export function clientAddress(request: Request, peer: string, trustedProxies: number): string {
  if (trustedProxies === 0) return peer;
  const forwarded = request.headers.get("x-forwarded-for")?.split(",") ?? [];
  return withoutPort(forwarded.at(-trustedProxies)?.trim() ?? "") || peer;
}

/** Some proxies add the client's port, and brackets around IPv6. */
function withoutPort(address: string): string {
  return address.replace(/^\[(.*)\](?::\d+)?$/, "$1").replace(/^([\d.]+):\d+$/, "$1");
}
