/**
 * How each server is told to publish: over HTTP, or NATS in its own protocol.
 *
 * @module
 */

import { HttpConnection } from "../support/http_connection.ts";
import { KEY } from "../support/deployment.ts";
import { Connection } from "./connection.ts";
import { CHANNEL, MARKER, NATS_PUBLISHER } from "./protocols.ts";

/** A channel that nobody is subscribed to. */
const UNHEARD = "nobody";
/** What people write to each other, with the mark by which deliveries are counted. */
export const TEXT: string = `${"a message of chat ".repeat(4)}${MARKER}`;

const RECEIVE_BYTES = 4096;

/** A request to publish. */
export interface Call {
  readonly path: string;
  readonly body: string;
}

/** Makes the request that publishes so many messages. */
export type Calls = (messages: number) => Call;

/** Publishes to one server, one request after the other. */
export interface Publisher extends Disposable {
  /** Resolves when the server has taken `messages` messages; rejects if it has not. */
  publish(messages: number): Promise<void>;
}

/** A draft for the gateway. */
function draft(channel: string): unknown {
  return { channel, author: "7", content: { text: TEXT } };
}

/** What the gateway makes of a draft and sends, which the others are given ready-made. */
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

/** The same to nobody. */
export function toGatewayUnheard(messages: number): Call {
  return { path: "/messages", body: gatewayBody(UNHEARD, messages) };
}

/** The body of such a request to a server that answers it as it is. */
export function toEcho(messages: number): Call {
  return { path: "/echo", body: gatewayBody(UNHEARD, messages) };
}

/** To a server of `servers/`. */
export function toBare(messages: number): Call {
  return { path: "/publish", body: JSON.stringify(times(messages, FRAME)) };
}

/** The same, asking for one write for each client. */
export function toCorked(messages: number): Call {
  return { ...toBare(messages), path: "/publish?cork" };
}

/** Centrifugo's HTTP API, to the clients. */
export function toCentrifugo(messages: number): Call {
  return centrifugo(CHANNEL, messages);
}

/** The same to nobody. */
export function toCentrifugoUnheard(messages: number): Call {
  return centrifugo(UNHEARD, messages);
}

function centrifugo(channel: string, messages: number): Call {
  const publish = { channel, data: FRAME };
  return messages === 1
    ? { path: "/api/publish", body: JSON.stringify(publish) }
    : { path: "/api/batch", body: JSON.stringify({ commands: times(messages, { publish }) }) };
}

/** Publishes over HTTP. */
export class HttpPublisher implements Publisher {
  readonly #connection: HttpConnection;
  readonly #calls: Calls;
  readonly #requests = new Map<number, Uint8Array>();

  private constructor(connection: HttpConnection, calls: Calls) {
    this.#connection = connection;
    this.#calls = calls;
  }

  /** Connects. */
  static async open(port: number, calls: Calls): Promise<HttpPublisher> {
    return new HttpPublisher(await HttpConnection.open(`http://127.0.0.1:${port}`), calls);
  }

  /** @inheritdoc */
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

  /** @inheritdoc */
  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}

/** Publishes in the NATS protocol by WebSocket. */
export class NatsPublisher implements Publisher {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Connects. */
  static async open(port: number): Promise<NatsPublisher> {
    const endpoint = { port, protocol: NATS_PUBLISHER };
    const options = { token: "", bufferBytes: RECEIVE_BYTES };
    return new NatsPublisher(await Connection.open(endpoint, options));
  }

  /** @inheritdoc */
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

  /** @inheritdoc */
  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }
}
