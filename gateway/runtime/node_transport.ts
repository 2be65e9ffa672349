/**
 * The `node` transport: node:http or node:https, and `ws`.
 *
 * Every limit applies before memory is used: headers, waiting connections, frames and fragments.
 *
 * @module
 */

import http from "node:http";
import https from "node:https";
import { type AddressInfo, Server as TcpServer, type Socket as TcpSocket } from "node:net";
import { OperationalError } from "../errors.ts";
import { toError } from "../util.ts";
import { watchAccepting } from "./accept_watch.ts";
import { NodeExchange, refuseUpgrade } from "./node_exchange.ts";
import { WebSocketUpgrades } from "./node_websocket.ts";
import { cannotListen, type Listener, type ListenOptions, serverUrl } from "./transport.ts";
import { WaitingConnections } from "./waiting_connections.ts";

/** Bytes of a refused request in which its method is looked for. */
const MAX_REQUEST_LINE_BYTES = 16 * 1024;
/** Delay before a failed listener restarts, in milliseconds. */
const RESTART_MS = 100;
/** Connections that the kernel queues until they are accepted. */
const BACKLOG = 1024;

/** Listens; see {@linkcode Transport}. */
export async function listenWithNode(options: ListenOptions): Promise<Listener> {
  const { host, tls, logger, clock } = options;
  const waiting = new WaitingConnections(options);
  const server = createServer(options, waiting);
  // Before 2.9, Deno's node:http did not use sockets, and could neither limit nor end connections.
  if (!(server instanceof TcpServer)) {
    throw new OperationalError(
      "bad_configuration",
      `GATEWAY_TRANSPORT: node does not run on Deno ${Deno.version.deno}, expected Deno 2.9 or newer, ` +
        "or GATEWAY_TRANSPORT=deno",
    );
  }
  const listening = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  try {
    await listening(options.port);
  } catch (error) {
    throw cannotListen(options, error);
  }
  const { address, port } = server.address() as AddressInfo;
  let closed = false;
  const restartLater = (error: unknown): void => {
    if (closed) return;
    logger.error("listener failed; restarting", { error: toError(error) });
    clock.setTimer(RESTART_MS, () => {
      if (!closed && !server.listening) listening(port).catch(restartLater);
    });
  };
  server.on("error", restartLater);
  const stopWatching = watchAccepting(server, clock, () => {
    // Open connections survive.
    server.close();
    restartLater(new Error("connections are no longer accepted"));
  });
  return {
    url: serverUrl(tls !== undefined, { host: address, port }),
    setKeyPair: (pair) => {
      if (server instanceof https.Server) server.setSecureContext(pair);
      return Promise.resolve();
    },
    close: async () => {
      closed = true;
      stopWatching();
      const over = new Promise((resolve) => server.close(resolve));
      waiting.close();
      await over;
    },
  };
}

function createServer(options: ListenOptions, waiting: WaitingConnections): http.Server {
  const upgrades = new WebSocketUpgrades(options);
  const settings = {
    maxHeaderSize: options.maxHeaderBytes,
    // `WaitingConnections` has the deadlines, also for connections that have sent nothing.
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 0,
    // An offer of another protocol, such as h2c, may be ignored.
    shouldUpgradeCallback: ({ headers }: http.IncomingMessage) =>
      /(?:^|,)\s*websocket\s*(?:,|$)/i.test(headers.upgrade ?? ""),
  };
  const server = options.tls === undefined
    ? http.createServer(settings)
    : https.createServer({ ...settings, ...options.tls });
  const respond = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    if (!waiting.requested(request.socket)) return;
    response.once("close", () => waiting.answered(request.socket));
    void new NodeExchange({ request, response, options }).respond();
  };
  server.on("connection", (socket) => waiting.add(socket));
  server.on("request", respond);
  server.on("checkContinue", respond);
  server.on("upgrade", (request, socket, head) => {
    // Until `ws` takes the socket, nothing else handles its errors.
    socket.on("error", () => {});
    if (!waiting.requested(request.socket, { alone: true })) return;
    const exchange = new NodeExchange({
      request,
      options,
      upgrade: (listener) => upgrades.upgrade({ request, socket: request.socket, head }, listener),
    });
    void exchange.handle().then((response) => {
      if (exchange.upgraded) waiting.delete(request.socket);
      else void refuseUpgrade(socket, response);
    });
  });
  // Without a listener, node:http ends the connection without an answer.
  server.on("connect", (request, socket) => {
    socket.on("error", () => {});
    if (!waiting.requested(request.socket, { alone: true })) return;
    void new NodeExchange({ request, options }).handle()
      .then((response) => refuseUpgrade(socket, response));
  });
  server.on("clientError", (error, socket) => refuseRequest(error, socket as TcpSocket));
  return server;
}

/** Answers input that is not HTTP, or exceeds a limit. */
function refuseRequest(error: Error, socket: TcpSocket): void {
  const status = statusOf(error);
  if (socket.writable && socket.bytesWritten === 0) {
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  socket.destroySoon();
}

/** The status for a parser error; the parser does not report an unknown method as such. */
function statusOf(error: Error): string {
  if ("code" in error && error.code === "HPE_HEADER_OVERFLOW") {
    return "431 Request Header Fields Too Large";
  }
  const bytes = "rawPacket" in error && error.rawPacket instanceof Uint8Array
    ? error.rawPacket.subarray(0, MAX_REQUEST_LINE_BYTES)
    : new Uint8Array();
  const [, method] = /^(\S+) \S+ HTTP\/1\.[01]\r?\n/.exec(new TextDecoder().decode(bytes)) ?? [];
  // RFC 9110, section 9.1: a method that is not recognized is 501.
  return method === undefined || http.METHODS.includes(method)
    ? "400 Bad Request"
    : "501 Not Implemented";
}
