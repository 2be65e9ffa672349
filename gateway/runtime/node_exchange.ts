/**
 * Adapts requests and responses of node:http to those of the web, for which routes are written.
 *
 * @module
 */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { BodyFailure, BodyLimits, Exchange, UpgradeListener } from "../ports.ts";
import { clientAddress, hostAndPort, isHost, type ListenOptions } from "./transport.ts";

/** Time for which the rest of a refused request is read, so that the client can read the answer. */
const LINGER_MS = 2000;
/** Bytes of it after which reading pauses until the time is over. */
const MAX_LINGER_BYTES = 16 * 1024 * 1024;
/**
 * Most chunks of a body; more end the connection. A chunk of one byte costs some 200, so that 4 MB of them took
 * 900 MB and blocked the event loop for over 20 s; network segments make 3,000 chunks of 4 MB.
 */
const MAX_PIECES = 4096;

/** Methods that `new Request` refuses (Fetch standard, 2.2.1) and node:http accepts. */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE"]);

export interface ExchangeDeps {
  readonly request: IncomingMessage;
  /** Absent for a WebSocket handshake. */
  readonly response?: ServerResponse;
  readonly options: ListenOptions;
  /** Only for a WebSocket handshake. */
  readonly upgrade?: (listener: UpgradeListener) => void;
}

export class NodeExchange implements Exchange {
  readonly #deps: ExchangeDeps;
  upgraded = false;

  constructor(deps: ExchangeDeps) {
    this.#deps = deps;
  }

  get address(): string {
    const { request, options: { trustedProxies } } = this.#deps;
    const forwarded = request.headers["x-forwarded-for"];
    const text = Array.isArray(forwarded) ? forwarded.join(",") : forwarded;
    return clientAddress(text, request.socket.remoteAddress ?? "", trustedProxies);
  }

  readBody({ maxBytes, timeoutMs, budget }: BodyLimits): Promise<Uint8Array | BodyFailure> {
    const { request, response, options: { clock } } = this.#deps;
    if (Number(request.headers["content-length"]) > maxBytes) return Promise.resolve("too_large");
    const share = budget.begin();
    if (share === undefined) return Promise.resolve("overloaded");
    if (request.headers.expect !== undefined) response?.writeContinue();
    return new Promise((resolve) => {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      const timer = clock.setTimer(timeoutMs, () => end("timed_out"));
      const end = (result: Uint8Array | BodyFailure): void => {
        timer.cancel();
        request.removeAllListeners("data");
        share.release();
        // Freed now, because the connection may live on.
        chunks.length = 0;
        resolve(result);
      };
      request.on("data", (chunk: Uint8Array) => {
        bytes += chunk.byteLength;
        if (chunks.push(chunk) > MAX_PIECES) request.socket.destroy();
        else if (bytes > maxBytes) end("too_large");
        else if (!share.holds(bytes)) end("overloaded");
      });
      request.once("end", () => end(joined(chunks)));
      // Also emitted after `end`, without effect then.
      request.once("close", () => end("broken"));
      request.once("error", () => end("broken"));
    });
  }

  upgrade(listener: UpgradeListener): Response | string {
    const { upgrade } = this.#deps;
    if (upgrade === undefined) return "The header Connection does not ask for an upgrade.";
    this.upgraded = true;
    upgrade(listener);
    // The connection is no longer HTTP: this response is not sent.
    return new Response();
  }

  /** Passes the request to the routes. */
  async handle(): Promise<Response> {
    const { request, options } = this.#deps;
    const webRequest = toWebRequest(request, options);
    return webRequest === undefined ? options.badRequest() : await options.handle(webRequest, this);
  }

  async respond(): Promise<void> {
    const { request, response } = this.#deps;
    if (response === undefined) return;
    const answer = await this.handle();
    // Without `answer.body`: asking for it makes a stream, which only a major garbage collection frees, with the text.
    const body = new Uint8Array(await answer.arrayBuffer());
    const headers = [...answer.headers].filter(([, value]) => value !== "close");
    if (body.byteLength > 0) headers.push(["content-length", String(body.byteLength)]);
    if (!request.complete) this.#linger(request);
    response.writeHead(answer.status, headers.flat());
    response.end(body);
  }

  /**
   * Reads and drops the rest of a body for a while: closing a connection with unread data resets it, and the
   * client could lose the answer.
   */
  #linger(request: IncomingMessage): void {
    const { clock } = this.#deps.options;
    const timer = clock.setTimer(LINGER_MS, () => request.socket.destroy());
    request.once("close", () => timer.cancel());
    let bytes = 0;
    let pieces = 0;
    request.on("data", (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      pieces += 1;
      if (pieces > MAX_PIECES) request.socket.destroy();
      else if (bytes > MAX_LINGER_BYTES) request.pause();
    });
    request.resume();
  }
}

/** Answers a refused handshake, and ends the connection. */
export async function refuseUpgrade(socket: Duplex, response: Response): Promise<void> {
  const body = new Uint8Array(await response.arrayBuffer());
  const head = [
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ""}`,
    ...[...response.headers].filter(([name]) => name !== "connection")
      .map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${body.byteLength}`,
    "Connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.end(body);
  // Unread data would reset the connection.
  let bytes = 0;
  socket.on("data", (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    if (bytes > MAX_LINGER_BYTES) socket.pause();
  });
  setTimeout(() => socket.destroy(), LINGER_MS);
}

/** The request without its body; `undefined` if Host and target are no valid URL. */
function toWebRequest(
  request: IncomingMessage,
  { tls }: ListenOptions,
): Request | undefined {
  const { headersDistinct, rawHeaders, method = "GET", socket, url: target = "" } = request;
  const [given, another] = headersDistinct["host"] ?? [];
  // RFC 9112, section 3.2: more than one Host is refused.
  if (another !== undefined) return undefined;
  // With an empty host, the first part of the path would become the host.
  const host = given || hostAndPort(socket.localAddress ?? "", socket.localPort ?? 0);
  if (!isHost(host)) return undefined;
  const origin = `${tls === undefined ? "http" : "https"}://${host}`;
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  }
  const url = toUrl(target, { method, origin });
  try {
    if (!FORBIDDEN_METHODS.has(method)) return new Request(url, { method, headers });
    // As Deno.serve does, so that routes answer 405 with their methods.
    return Object.defineProperty(new Request(url, { headers }), "method", { value: method });
  } catch {
    return undefined;
  }
}

/** The target URL (RFC 9112, section 3.2); the text may be invalid. */
function toUrl(
  target: string,
  { method, origin }: { readonly method: string; readonly origin: string },
): string {
  if (target.startsWith("/")) return origin + target;
  if (target === "*") return `${origin}/*`;
  if (method !== "CONNECT") return target;
  return isHost(target) ? `http://${target}/` : "";
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}
