/**
 * The `deno` transport: `Deno.serve` and `Deno.upgradeWebSocket`.
 *
 * Its limits (docs/operations.md, "Transports"): it assembles a message before it checks its length, does not show
 * pings, and has no timeout for idle connections.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { BodyFailure, BodyLimits, Exchange, UpgradeListener } from "../ports.ts";
import { delay, toError } from "../util.ts";
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
/** Time between attempts to listen on the port of a listener that was just closed, in milliseconds. */
const RELISTEN_MS = 1;
const MAX_RELISTENS = 50;

/** Listens; see {@linkcode Transport}. */
// deno-lint-ignore require-await -- the port is asynchronous, because the other transport is
export async function listenWithDeno(options: ListenOptions): Promise<Listener> {
  const { logger, clock } = options;
  let { port, tls } = options;
  let closed = false;
  let restarting = false;
  const webSockets = new Set<DenoWebSocket>();
  const start = (): Deno.HttpServer<Deno.NetAddr> => {
    const started = serve({ ...options, port, tls }, webSockets);
    // Without descriptors the runtime's accept loop ends; open connections survive.
    started.finished.catch(restartLater);
    return started;
  };
  const restartLater = (error: unknown): void => {
    if (closed) return;
    restarting = true;
    logger.error("listener failed; restarting", { error: toError(error) });
    clock.setTimer(RESTART_MS, () => {
      if (closed) return;
      restarting = false;
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
    setKeyPair: async (pair) => {
      // The runtime has no other way than a new listener, and ends WebSockets with the old one.
      if (webSockets.size > 0) {
        throw new OperationalError(
          "bad_configuration",
          `GATEWAY_TRANSPORT: deno cannot use another certificate while WebSockets are open ` +
            `(${webSockets.size}); restart the gateway, or use GATEWAY_TRANSPORT=node`,
        );
      }
      tls = pair;
      if (restarting) return;
      void server.shutdown();
      for (let attempt = 1; !closed; attempt++) {
        await delay(clock, RELISTEN_MS);
        try {
          server = start();
          return;
        } catch (error) {
          if (attempt < MAX_RELISTENS) continue;
          return restartLater(error);
        }
      }
    },
    close: async () => {
      closed = true;
      await server.shutdown();
    },
  };
}

function serve(
  options: ListenOptions,
  webSockets: Set<DenoWebSocket>,
): Deno.HttpServer<Deno.NetAddr> {
  const { host, port, tls } = options;
  return Deno.serve({ hostname: host, port, ...tls, onListen: () => {} }, (request, info) => {
    // The runtime builds the URL from Host and target, which may be invalid.
    if (!isHost(request.headers.get("host") ?? "") || !URL.canParse(request.url)) {
      return options.badRequest();
    }
    const peer = info.remoteAddr.hostname;
    return options.handle(request, new DenoExchange({ request, peer, options, webSockets }));
  });
}

interface ExchangeDeps {
  readonly request: Request;
  /** Its address. */
  readonly peer: string;
  readonly options: ListenOptions;
  /** Those that are open or about to be. */
  readonly webSockets: Set<DenoWebSocket>;
}

class DenoExchange implements Exchange {
  readonly #deps: ExchangeDeps;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
  }

  get address(): string {
    const { request, peer, options: { trustedProxies } } = this.#deps;
    if (trustedProxies === 0) return peer;
    return clientAddress(request.headers.get("x-forwarded-for"), peer, trustedProxies);
  }

  readBody(limits: BodyLimits): Promise<Uint8Array | BodyFailure> {
    const { request, options: { clock } } = this.#deps;
    return readBody(request, clock, limits);
  }

  upgrade(listener: UpgradeListener): Response | string {
    const { request, webSockets, options: { clock, logger } } = this.#deps;
    let upgraded: Deno.WebSocketUpgrade;
    try {
      upgraded = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    } catch (error) {
      return error instanceof Error ? error.message : "not a WebSocket upgrade";
    }
    const { socket, response } = upgraded;
    new DenoWebSocket(socket, { clock, logger, upgrade: listener, webSockets });
    return response;
  }
}
