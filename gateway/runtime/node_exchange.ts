/**
 * Requests and responses of node:http as those of the web, which is what routes are written for.
 *
 * @module
 */

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { BodyFailure, BodyLimits, Exchange, UpgradeListener } from "../ports.ts";
import { clientAddress, hostAndPort, isHost, type ListenOptions } from "./transport.ts";

/** How long what a refused client still sends is read and dropped, so that it can read the answer. */
const LINGER_MS = 2000;
/** How many bytes of that, beyond which the client waits until the time is over. */
const MAX_LINGER_BYTES = 16 * 1024 * 1024;
/**
 * Most pieces in which a body may arrive; more end the connection. A chunk of one byte costs some 200, so that
 * 4 MB of them were 900 MB and stopped the event loop for longer than 20 s; segments of a network make 3,000 of
 * 4 MB.
 */
const MAX_PIECES = 4096;

/** Methods of which `new Request` makes none (Fetch standard, 2.2.1), among those that node:http knows. */
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE"]);

/** What an exchange is made of. */
export interface ExchangeDeps {
  readonly request: IncomingMessage;
  /** Absent for a WebSocket handshake. */
  readonly response?: ServerResponse;
  readonly options: ListenOptions;
  /** Makes a WebSocket of it; absent for other requests. */
  readonly upgrade?: (listener: UpgradeListener) => void;
}

/** One request and its answer. */
export class NodeExchange implements Exchange {
  readonly #deps: ExchangeDeps;
  /** Whether the connection is a WebSocket now. */
  upgraded = false;

  /** Nothing has been answered yet. */
  constructor(parts: ExchangeDeps) {
    this.#deps = parts;
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
        // The connection lives on; what it sent need not.
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
      // Comes after `end` too, which has settled it then.
      request.once("close", () => end("broken"));
      request.once("error", () => end("broken"));
    });
  }

  upgrade(listener: UpgradeListener): Response | string {
    const { upgrade } = this.#deps;
    if (upgrade === undefined) return "The header Connection does not ask for an upgrade.";
    this.upgraded = true;
    upgrade(listener);
    // The connection is no longer one of HTTP: this answer goes nowhere.
    return new Response();
  }

  /** What the routes say. */
  async handle(): Promise<Response> {
    const { request, options } = this.#deps;
    const webRequest = toWebRequest(request, options);
    return webRequest === undefined ? options.badRequest() : await options.handle(webRequest, this);
  }

  /** Answers the request. */
  async respond(): Promise<void> {
    const { request, response } = this.#deps;
    if (response === undefined) return;
    const answer = await this.handle();
    const body = answer.body === null ? undefined : new Uint8Array(await answer.arrayBuffer());
    const headers = [...answer.headers].filter(([, value]) => value !== "close");
    if (body !== undefined) headers.push(["content-length", String(body.byteLength)]);
    if (!request.complete) this.#linger(request);
    response.writeHead(answer.status, headers.flat());
    response.end(body);
  }

  /**
   * The rest of a body is read and dropped for a while: a connection that is closed with data unread is
   * reset, and the client could lose the answer.
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

/** Answers a handshake that became no WebSocket, and ends the connection. */
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
  // What the peer sends meanwhile would reset the connection.
  let bytes = 0;
  socket.on("data", (chunk: Uint8Array) => {
    bytes += chunk.byteLength;
    if (bytes > MAX_LINGER_BYTES) socket.pause();
  });
  setTimeout(() => socket.destroy(), LINGER_MS);
}

/** The request without its body; `undefined` if Host and target make no URL. */
function toWebRequest(
  request: IncomingMessage,
  { tls }: ListenOptions,
): Request | undefined {
  const { headersDistinct, rawHeaders, method = "GET", socket, url: target = "" } = request;
  const [given, another] = headersDistinct["host"] ?? [];
  // RFC 9112, section 3.2: more than one is refused.
  if (another !== undefined) return undefined;
  // Without a name, the first part of the path would be taken for it.
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
    // As Deno.serve does, so that routes answer it: 405, with the methods that they have.
    return Object.defineProperty(new Request(url, { headers }), "method", { value: method });
  } catch {
    return undefined;
  }
}

/** The URL that a request asks for (RFC 9112, section 3.2), as text that may be none. */
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
