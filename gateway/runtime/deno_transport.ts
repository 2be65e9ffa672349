/**
 * The `deno` transport: `Deno.serve` and `Deno.upgradeWebSocket`.
 *
 * Its limits (docs/operations.md, "Transports"): it assembles a message before it checks its length, does not show
 * pings, and has no timeout for idle connections.
 *
 * @module
 */

import type { BodyFailure, BodyLimits, Exchange, UpgradeListener } from "../ports.ts";
import { toError } from "../util.ts";
import { DenoWebSocket } from "./deno_websocket.ts";
import { readBody } from "./request_body.ts";
import {
  cannotListen,
  clientAddress,
  isHost,
  type Listener,
  type ListenOptions,
  serverUrl,
} from "./transport.ts";

/** Delay before a failed listener restarts, in milliseconds. */
const RESTART_MS = 100;

/** Listens; see {@linkcode Transport}. */
// deno-lint-ignore require-await -- the port is asynchronous, because the other transport is
export async function listenWithDeno(options: ListenOptions): Promise<Listener> {
  const { tls, logger, clock } = options;
  let port = options.port;
  let closed = false;
  const start = (): Deno.HttpServer<Deno.NetAddr> => {
    const started = serve(options, port);
    // Without descriptors the runtime's accept loop ends; open connections survive.
    started.finished.catch(restartLater);
    return started;
  };
  const restartLater = (error: unknown): void => {
    if (closed) return;
    logger.error("listener failed; restarting", { error: toError(error) });
    clock.setTimer(RESTART_MS, () => {
      if (closed) return;
      try {
        server = start();
      } catch (error) {
        restartLater(error);
      }
    });
  };
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = start();
  } catch (error) {
    throw cannotListen(options, error);
  }
  const { hostname, port: bound } = server.addr;
  port = bound;
  return {
    url: serverUrl(tls !== undefined, { host: hostname, port }),
    close: async () => {
      closed = true;
      await server.shutdown();
    },
  };
}

function serve(options: ListenOptions, port: number): Deno.HttpServer<Deno.NetAddr> {
  const { host, tls } = options;
  return Deno.serve({ hostname: host, port, ...tls, onListen: () => {} }, (request, info) => {
    // The runtime builds the URL from Host and target, which may be invalid.
    if (!isHost(request.headers.get("host") ?? "") || !URL.canParse(request.url)) {
      return options.badRequest();
    }
    return options.handle(request, new DenoExchange(request, info.remoteAddr.hostname, options));
  });
}

class DenoExchange implements Exchange {
  readonly #request: Request;
  readonly #peer: string;
  readonly #options: ListenOptions;

  constructor(request: Request, peer: string, options: ListenOptions) {
    this.#request = request;
    this.#peer = peer;
    this.#options = options;
  }

  get address(): string {
    const { trustedProxies } = this.#options;
    if (trustedProxies === 0) return this.#peer;
    const forwarded = this.#request.headers.get("x-forwarded-for");
    return clientAddress(forwarded, this.#peer, trustedProxies);
  }

  readBody(limits: BodyLimits): Promise<Uint8Array | BodyFailure> {
    return readBody(this.#request, this.#options.clock, limits);
  }

  upgrade(listener: UpgradeListener): Response | string {
    let upgraded: Deno.WebSocketUpgrade;
    try {
      upgraded = Deno.upgradeWebSocket(this.#request, { idleTimeout: 0 });
    } catch (error) {
      return error instanceof Error ? error.message : "not a WebSocket upgrade";
    }
    const { socket, response } = upgraded;
    const { clock, logger } = this.#options;
    socket.onopen = (): void => listener.opened(new DenoWebSocket(socket, { clock, logger }));
    // Until it is open, there is no connection to notify.
    socket.onerror = (event): void => event.preventDefault();
    socket.onclose = (): void => listener.abandoned();
    return response;
  }
}
