/**
 * The backend's side of webhooks: verifies every request with the library of Standard Webhooks, stores what it is
 * told, and answers as badly as a test wants.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import assert from "node:assert/strict";
import { Webhook } from "standardwebhooks";
import { eventually, pause } from "./wait.ts";

/** The settings of a gateway that sends webhooks. */
export const WEBHOOK_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDazfgh+XpFlU=";

/** How a request is answered. */
export type Behaviour =
  | "well"
  /** After 200 ms. */
  | "slow"
  /** 500, although the event was stored. */
  | "failing"
  /** Never. */
  | "hanging"
  /** The connection is closed in the middle of the status line. */
  | "half";

export interface WebhookEvent {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export class WebhookReceiver implements AsyncDisposable {
  /** Every event in the order of its arrival, also those whose answer was none. */
  readonly events: WebhookEvent[] = [];
  /** The state of each user, as far as the backend knows. */
  readonly belief = new Map<string, string>();
  /** Requests whose signature was refused. */
  readonly forged: string[] = [];
  behaviour: Behaviour = "well";
  #server: Server | undefined;
  #port = 0;

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await receiver.up();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hooks?key=hush`;
  }

  /** The settings of a gateway that tells this receiver. */
  get settings(): Readonly<Record<string, string>> {
    return {
      GATEWAY_WEBHOOK_URL: this.url,
      GATEWAY_WEBHOOK_SECRET: WEBHOOK_SECRET,
      GATEWAY_WEBHOOK_DEBOUNCE_MS: "1000",
    };
  }

  /** Listens, on the same port each time. */
  async up(): Promise<void> {
    const server = createServer((request, response) => void this.#receive(request, response));
    this.#server = server;
    server.listen(this.#port, "127.0.0.1");
    // One that a suite shares is not stopped.
    server.unref();
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    this.#port = address.port;
  }

  /** Refuses connections, and ends those that are open. */
  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** Waits until the backend believes this of `user`. */
  async believes(user: string, state: "online" | "offline"): Promise<void> {
    await eventually(`${user} to be ${state}`, () => {
      return Promise.resolve(this.belief.get(user) === state ? state : undefined);
    }, { limitMs: 60_000 });
  }

  /** Waits until the backend does not believe this of `user`, of whom it may never have been told. */
  async doesNotBelieve(user: string, state: "online" | "offline"): Promise<void> {
    await eventually(`${user} not to be ${state}`, () => {
      return Promise.resolve(this.belief.get(user) === state ? undefined : true);
    }, { limitMs: 60_000 });
  }

  /** The types of the events about `user`, in order, without those that repeat the one before: once is not promised. */
  changesOf(user: string): readonly string[] {
    const types = this.events.filter(({ data }) => data["user"] === user).map(({ type }) => type);
    return types.filter((type, index) => type !== types[index - 1]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    try {
      for await (const chunk of request.setEncoding("utf8")) body += chunk;
    } catch {
      // The gateway gave up, or `down` ended the connection in the middle of a request.
      return;
    }
    const behaviour = this.behaviour;
    if (behaviour === "hanging") return;
    if (behaviour === "half") {
      response.socket?.end("HTTP/1.1 20");
      return;
    }
    try {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      this.#store(new Webhook(WEBHOOK_SECRET).verify(body, headers) as WebhookEvent);
    } catch (error) {
      this.forged.push(`${error}: ${body}`);
    }
    if (behaviour === "slow") await pause(200);
    response.statusCode = behaviour === "failing" ? 500 : 204;
    response.end();
  }

  #store(event: WebhookEvent): void {
    this.events.push(event);
    const { type, data: { user } } = event;
    if (typeof user === "string") this.belief.set(user, type.replace("user.", ""));
  }
}
