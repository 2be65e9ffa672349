/**
 * Publishes to each server: over HTTP, or in the NATS protocol.
 *
 * @module
 */

import { HttpConnection } from "../support/http_connection.ts";
import { CHAT_TEXT, KEY } from "../support/deployment.ts";
import { Connection } from "./connection.ts";
import { CHANNEL, MARKER, NATS_PUBLISHER } from "./protocols.ts";

/** A channel without subscribers. */
const UNHEARD = "nobody";
/** The text of a message, with the marker by which deliveries are counted. */
export const TEXT: string = `${CHAT_TEXT}${MARKER}`;

const RECEIVE_BYTES = 4096;

export interface Call {
  readonly path: string;
  readonly body: string;
}

/** Returns the request that publishes this number of messages. */
export type Calls = (messages: number) => Call;

/** Publishes to one server, one request at a time. */
export interface Publisher extends Disposable {
  /** Resolves when the server has accepted `messages` messages. */
  publish(messages: number): Promise<void>;
}

function draft(channel: string): unknown {
  return { channel, author: "7", content: { text: TEXT } };
}

/** The gateway's frame for a draft, which the other servers are given. */
const FRAME = {
  op: 3,
  id: "qktx9ozpl5vflsgw-1000",
  author: "7",
  content: { text: TEXT },
  time: 1795989077744,
  channel: CHANNEL,
};

function times<T>(count: number, item: T): readonly T[] {
  return Array.from({ length: count }, () => item);
}

function gatewayBody(channel: string, messages: number): string {
  return JSON.stringify(messages === 1 ? draft(channel) : times(messages, draft(channel)));
}

/** `POST /messages`. */
export function toGateway(messages: number): Call {
  return { path: "/messages", body: gatewayBody(CHANNEL, messages) };
}

/** The same without receivers. */
export function toGatewayUnheard(messages: number): Call {
  return { path: "/messages", body: gatewayBody(UNHEARD, messages) };
}

/** The same body, to a server that echoes it. */
export function toEcho(messages: number): Call {
  return { path: "/echo", body: gatewayBody(UNHEARD, messages) };
}

/** To a server of `servers/`. */
export function toBare(messages: number): Call {
  return { path: "/publish", body: JSON.stringify(times(messages, FRAME)) };
}

/** The same with one write for each client. */
export function toCorked(messages: number): Call {
  return { ...toBare(messages), path: "/publish?cork" };
}

/** Centrifugo's HTTP API. */
export function toCentrifugo(messages: number): Call {
  return centrifugo(CHANNEL, messages);
}

/** The same without receivers. */
export function toCentrifugoUnheard(messages: number): Call {
  return centrifugo(UNHEARD, messages);
}

function centrifugo(channel: string, messages: number): Call {
  const publish = { channel, data: FRAME };
  return messages === 1
    ? { path: "/api/publish", body: JSON.stringify(publish) }
    : { path: "/api/batch", body: JSON.stringify({ commands: times(messages, { publish }) }) };
}

export class HttpPublisher implements Publisher {
  readonly #connection: HttpConnection;
  readonly #calls: Calls;
  readonly #requests = new Map<number, Uint8Array>();

  private constructor(connection: HttpConnection, calls: Calls) {
    this.#connection = connection;
    this.#calls = calls;
  }

  static async open(port: number, calls: Calls): Promise<HttpPublisher> {
    return new HttpPublisher(await HttpConnection.open(`http://127.0.0.1:${port}`), calls);
  }

  async publish(messages: number): Promise<void> {
    let request = this.#requests.get(messages);
    if (request === undefined) {
      const { path, body } = this.#calls(messages);
      request = this.#connection.request(path, { key: KEY, body });
      this.#requests.set(messages, request);
    }
    const status = await this.#connection.send(request);
    if (status !== 200 && status !== 201) throw new Error(`the server answered ${status}`);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}

/** Uses the NATS protocol over WebSocket. */
export class NatsPublisher implements Publisher {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async open(port: number): Promise<NatsPublisher> {
    const endpoint = { port, protocol: NATS_PUBLISHER };
    const options = { token: "", bufferBytes: RECEIVE_BYTES };
    return new NatsPublisher(await Connection.open(endpoint, options));
  }

  async publish(messages: number): Promise<void> {
    const payload = JSON.stringify(FRAME);
    const line = `PUB ${CHANNEL} ${payload.length}\r\n${payload}\r\n`;
    await this.#connection.send(`${line.repeat(messages)}PING\r\n`);
    const decoder = new TextDecoder();
    for (let text = ""; !text.includes("PONG");) {
      text = decoder.decode((await this.#connection.next()).payload);
      if (text.startsWith("-ERR")) throw new Error(`nats-server answered ${text}`);
    }
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
