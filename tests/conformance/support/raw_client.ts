/**
 * A WebSocket client over a bare TCP connection. Unlike JavaScript's `WebSocket` it does nothing by itself: it
 * answers neither pings nor close frames, reads only on demand (so it can play a stopped peer), and reports close
 * codes unchanged.
 *
 * It knows WebSocket, but not the gateway's protocol; that is `peer.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { within } from "./wait.ts";
import { encodeFrame, type FrameSpec, parseFrame, type WireFrame, WireOp } from "./wire.ts";

export type Headings = Readonly<Record<string, string | undefined>>;

export interface ConnectOptions {
  /**
   * Headers of the handshake, which replace default ones of the same name; `undefined` omits one.
   */
  readonly headers?: Headings;
  /** Certificates to trust, in PEM, for `wss:`. */
  readonly caCerts?: string[];
}

/** A handshake with an answer other than 101. */
export class HandshakeRefused extends Error {
  /** The status of the HTTP answer. */
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;

  constructor(answer: Pick<HandshakeRefused, "status" | "headers" | "body">) {
    super(`handshake refused with ${answer.status}: ${answer.body.slice(0, 200)}`);
    this.name = "HandshakeRefused";
    this.status = answer.status;
    this.headers = answer.headers;
    this.body = answer.body;
  }
}

/** A close frame's contents. `code` is `undefined` when the frame had none. */
export interface CloseInfo {
  readonly code: number | undefined;
  readonly reason: string;
}

const EMPTY = new Uint8Array(0);
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class RawClient implements Disposable {
  readonly #connection: Deno.Conn;
  readonly #chunk = new Uint8Array(65_536);
  #unparsed: Uint8Array = EMPTY;
  #disposed = false;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Connects to a `ws:` or `wss:` URL. Throws {@linkcode HandshakeRefused} if there is no WebSocket. */
  static async connect(url: string, options: ConnectOptions = {}): Promise<RawClient> {
    const client = new RawClient(await within(`TCP to ${url}`, dial(new URL(url), options)));
    try {
      await client.#shakeHands(new URL(url), options.headers ?? {});
      return client;
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  async send(...specs: readonly FrameSpec[]): Promise<void> {
    for (const spec of specs) await this.bytes(encodeFrame(spec));
  }

  async text(payload: string): Promise<void> {
    await this.send({ payload });
  }

  /** Sends `value` as JSON in a text frame. */
  async json(value: unknown): Promise<void> {
    await this.text(JSON.stringify(value));
  }

  async close(code: number): Promise<void> {
    await this.send({ opcode: WireOp.Close, payload: new Uint8Array([code >> 8, code & 0xff]) });
  }

  /** The next frame of any kind; `undefined` once the TCP connection has ended. */
  async next(what = "a frame"): Promise<WireFrame | undefined> {
    return await within(what, this.nextEver());
  }

  /** The same, without a limit of time. */
  async nextEver(): Promise<WireFrame | undefined> {
    for (;;) {
      const parsed = parseFrame(this.#unparsed);
      if (parsed !== undefined) {
        this.#unparsed = this.#unparsed.subarray(parsed.bytes);
        return parsed.frame;
      }
      if (!await this.#more()) return undefined;
    }
  }

  /** The next frame, which must be text with a JSON object. */
  async nextJson(what = "a text frame"): Promise<Record<string, unknown>> {
    const frame = await this.next(what);
    assert.ok(frame !== undefined, `the connection ended instead of ${what}`);
    if (frame.opcode === WireOp.Close) {
      assert.fail(`closed with ${JSON.stringify(closeInfo(frame))} instead of ${what}`);
    }
    assert.equal(frame.opcode, WireOp.Text, `${what}: not text`);
    return JSON.parse(new TextDecoder().decode(frame.payload));
  }

  /** Skips frames up to the server's close frame. */
  async closeFrame(what = "a close frame"): Promise<CloseInfo> {
    for (;;) {
      const frame = await this.next(what);
      assert.ok(frame !== undefined, `the connection ended without ${what}`);
      if (frame.opcode === WireOp.Close) return closeInfo(frame);
    }
  }

  /** Skips data until the server ends the TCP connection. */
  async ended(what = "the end of the connection"): Promise<void> {
    while (await this.next(what) !== undefined);
  }

  /** Ends the TCP connection without a close frame. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#connection.close();
  }

  /** Reads available data; false after the end. */
  async #more(): Promise<boolean> {
    let count: number | null;
    try {
      count = await this.#connection.read(this.#chunk);
    } catch {
      // A reset by the peer, or closed on this side, is an end like any other.
      return false;
    }
    if (count === null) return false;
    const joined = new Uint8Array(this.#unparsed.length + count);
    joined.set(this.#unparsed);
    joined.set(this.#chunk.subarray(0, count), this.#unparsed.length);
    this.#unparsed = joined;
    return true;
  }

  async #shakeHands(url: URL, headers: Headings): Promise<void> {
    const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
    const fields = {
      Host: url.host,
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": key,
      ...headers,
    };
    const lines = Object.entries(fields)
      .map(([name, value]) => value === undefined ? "" : `${name}: ${value}\r\n`).join("");
    const target = `${url.pathname}${url.search}`;
    await this.bytes(new TextEncoder().encode(`GET ${target} HTTP/1.1\r\n${lines}\r\n`));
    const { status, answer } = await this.#readHead();
    if (status !== 101) {
      const body = await this.#readBody(answer);
      throw new HandshakeRefused({ status, headers: answer, body });
    }
    const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(key + GUID));
    const accept = btoa(String.fromCharCode(...new Uint8Array(digest)));
    assert.equal(answer.get("sec-websocket-accept"), accept, "Sec-WebSocket-Accept");
    assert.equal(answer.get("sec-websocket-extensions"), null, "no extension was offered");
  }

  async #readHead(): Promise<{ status: number; answer: Headers }> {
    for (;;) {
      const text = new TextDecoder("latin1").decode(this.#unparsed);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#unparsed = this.#unparsed.subarray(end + 4);
        const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
        const pairs = lines.map((line): [string, string] => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon), line.slice(colon + 1).trim()];
        });
        return { status: Number(statusLine.split(" ")[1]), answer: new Headers(pairs) };
      }
      assert.ok(await within("the answer to a handshake", this.#more()), "ended in the handshake");
    }
  }

  async #readBody(answer: Headers): Promise<string> {
    const length = Number(answer.get("content-length") ?? 0);
    while (this.#unparsed.length < length && await within("the body of a refusal", this.#more()));
    return new TextDecoder().decode(this.#unparsed.subarray(0, length));
  }
}

export function closeInfo({ payload }: WireFrame): CloseInfo {
  if (payload.length < 2) return { code: undefined, reason: "" };
  const code = new DataView(payload.buffer, payload.byteOffset).getUint16(0);
  return { code, reason: new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2)) };
}

async function dial(url: URL, options: ConnectOptions): Promise<Deno.Conn> {
  const secure = url.protocol === "wss:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (secure ? 443 : 80);
  if (secure) {
    return await Deno.connectTls({ hostname, port, caCerts: options.caCerts ?? [] });
  }
  const connection = await Deno.connect({ hostname, port });
  connection.setNoDelay(true);
  return connection;
}
