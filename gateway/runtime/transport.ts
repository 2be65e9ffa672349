/**
 * The transport interface, and what both transports share: client addresses, hosts and errors. Nothing outside
 * `runtime/` knows which transport runs.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { Clock, Logger, RequestHandler } from "../ports.ts";
import { toError } from "../util.ts";

/** A certificate chain and its private key, both PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  /** Name or address. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The option of `port`, for errors. */
  readonly portName: string;
  /** Without it, plain HTTP. */
  readonly tls: KeyPair | undefined;
  /** Reverse proxies in front, each of which adds an address to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly handle: RequestHandler;
  /** The answer to a request whose `Host` or target is no valid URL. */
  readonly badRequest: () => Response;
  /** Longest head of a request, in bytes. The `deno` transport has limits of its own: 64 KB for the URL. */
  readonly maxHeaderBytes: number;
  /** Longest WebSocket message that a client may send, in bytes. */
  readonly maxFrameBytes: number;
  /** Most connections in all, and from one address. */
  readonly limits: { readonly maxConnections: number; readonly maxConnectionsPerIp: number };
}

export interface Listener {
  /** Without a path. */
  readonly url: string;
  /**
   * Uses another certificate for new connections; open ones stay. For listeners with `tls`.
   *
   * @throws {OperationalError} `bad_configuration` when the transport cannot
   */
  setKeyPair(pair: KeyPair): Promise<void>;
  /** Accepts no new requests, and resolves when the open ones are answered. */
  close(): Promise<void>;
}

/** @throws {OperationalError} `bad_configuration` when it cannot listen on the address, or TLS fails */
export type Transport = (options: ListenOptions) => Promise<Listener>;

/** A name or address with an optional port; nothing that could end the authority of a URL. */
const HOST = /^(?:[\w.-]*|\[[\da-f:.]+\])(?::\d*)?$/i;

/** Returns whether a `Host` header is safe in a URL. A path in it would choose the route. */
export function isHost(host: string): boolean {
  return HOST.test(host);
}

/** The address that the outermost trusted proxy saw, or the peer's own. */
export function clientAddress(
  forwardedFor: string | null | undefined,
  peer: string,
  trustedProxies: number,
): string {
  if (trustedProxies === 0) return peer;
  return withoutPort(forwardedFor?.split(",").at(-trustedProxies)?.trim() ?? "") || peer;
}

/** Some proxies add the client's port, and brackets around IPv6. */
function withoutPort(address: string): string {
  return address.replace(/^\[(.*)\](?::\d+)?$/, "$1").replace(/^([\d.]+):\d+$/, "$1");
}

/** `scheme://host:port`, with brackets around IPv6. */
export function serverUrl(tls: boolean, { host, port }: { host: string; port: number }): string {
  return `${tls ? "https" : "http"}://${hostAndPort(host, port)}`;
}

export function cannotListen(
  { host, port, portName, tls }: Pick<ListenOptions, "host" | "port" | "portName" | "tls">,
  error: unknown,
): OperationalError {
  const at = hostAndPort(host, port);
  const cause = { cause: error };
  if (error instanceof Deno.errors.AddrInUse || codeOf(error) === "EADDRINUSE") {
    return new OperationalError("bad_configuration", `${portName}: ${at} is already in use`, cause);
  }
  const hostName = portName.replace("PORT", "HOST").replace("port", "host");
  const names = tls === undefined
    ? hostName
    : `${hostName}, ${portName}, GATEWAY_TLS_CERT or GATEWAY_TLS_KEY`;
  const reason = toError(error).message;
  return new OperationalError(
    "bad_configuration",
    `${names}: cannot listen on ${at}: ${reason}`,
    cause,
  );
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** `host:port`, with brackets around IPv6. */
export function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
