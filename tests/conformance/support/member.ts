/**
 * An app with the client library, for tests: the next message, the start of a session, the end of a
 * connection.
 *
 * It has one connection and ends with it, unless a test wants it to reconnect. The library hides frames, but
 * every test checks them for faults that it hides too; tests of frames use `Peer`.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type ClientEvents,
  type Disconnect,
  GatewayClient,
  type GatewayClientOptions,
  type Message,
  type ReadySession,
  type Signal,
} from "../../../client/mod.ts";
import { Audit } from "./audit.ts";
import { cuttableTo } from "./raw_socket.ts";
import { within } from "./wait.ts";
import { webSocketTo } from "./web_socket.ts";

export interface MemberOptions extends Pick<GatewayClientOptions, "lastId"> {
  /** True if it reconnects, soon, when its connection ends; false by default. */
  readonly reconnects?: boolean;
  /** True if its connection can be cut. */
  readonly cuttable?: boolean;
  /** Called with each signal; without it, the client asks for none. */
  readonly onSignal?: (signal: Signal) => void;
}

export interface MemberDeps extends MemberOptions, Pick<GatewayClientOptions, "getToken"> {
  /** The URL of the next connection. */
  readonly url: () => string;
}

/** Tests read at their own pace, which must not end the connection. */
const MAX_QUEUED = 100_000;
/** For delays that are not under test: at first 1 ms, at most 20 ms. */
const SOON = (): number => 0.001;

export class Member implements AsyncDisposable {
  readonly client: GatewayClient;
  /** The positions after each gap so far. */
  readonly gaps: string[] = [];
  /** Ends the connection without a close frame, if it can be cut. */
  readonly cut: () => void;
  readonly #audit = new Audit();
  readonly #messages: AsyncIterator<Message, undefined>;
  readonly #first = Promise.withResolvers<ReadySession>();
  readonly #disconnected = Promise.withResolvers<Disconnect>();
  #ready: ReadySession | undefined;
  #disconnect: Disconnect | undefined;
  #received = 0;
  /** The number of messages that the test has read. */
  #read = 0;

  private constructor(
    { url, getToken, lastId, reconnects = false, cuttable = false, onSignal }: MemberDeps,
  ) {
    const way = { url, audit: this.#audit };
    const { WebSocket, cut } = cuttable
      ? cuttableTo(way)
      : { WebSocket: webSocketTo(way), cut: () => assert.fail("the connection is not cuttable") };
    this.cut = cut;
    this.client = new GatewayClient({
      url: "ws://gateway.invalid/gateway",
      WebSocket,
      getToken,
      lastId,
      random: SOON,
      maxQueuedMessages: MAX_QUEUED,
    });
    if (onSignal !== undefined) {
      this.#audit.listens = true;
      this.client.on("signal", onSignal);
    }
    this.#messages = this.client[Symbol.asyncIterator]();
    this.#listen(reconnects);
    // Does not fail tests that never read it.
    this.#first.promise.catch(() => undefined);
  }

  /** Connects and identifies; resolves when the member is ready. */
  static async connect(parts: MemberDeps): Promise<Member> {
    const member = new Member(parts);
    try {
      member.#ready = await within("Ready", member.#first.promise);
      return member;
    } catch (error) {
      await member[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The start of the first session. */
  get ready(): ReadySession {
    assert.ok(this.#ready);
    return this.#ready;
  }

  /** The number of unread messages. */
  get unread(): number {
    return this.#received - this.#read;
  }

  /** The next message. Throws if the client ends instead, or has received a fault. */
  async nextMessage(what = "a Message"): Promise<Message> {
    const { value } = await within(what, this.#messages.next());
    assert.deepEqual(this.#audit.faults, []);
    const end = JSON.stringify(this.#disconnect);
    assert.ok(value !== undefined, `closed with ${end} instead of ${what}`);
    this.#read += 1;
    return value;
  }

  async nextContents(count: number): Promise<unknown[]> {
    const contents: unknown[] = [];
    while (contents.length < count) {
      const message = await this.nextMessage(`message ${contents.length + 1} of ${count}`);
      contents.push(message.content);
    }
    return contents;
  }

  async closeCode(what = "the end of the connection"): Promise<number> {
    return (await within(what, this.#disconnected.promise)).code;
  }

  async nextReady(): Promise<ReadySession> {
    return await within("the next Ready", this.#next("ready"));
  }

  /** Waits until the gateway answers a heartbeat. */
  async roundTrip(): Promise<void> {
    const answered = this.#next("roundtrip");
    this.client.check();
    await within("an answer to a heartbeat", answered);
  }

  /** Closes, and waits for the gateway's answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }

  #listen(reconnects: boolean): void {
    this.client.on("ready", (session) => this.#first.resolve(session));
    this.client.on("gap", ({ lastId }) => this.gaps.push(lastId));
    this.client.on("message", () => this.#received += 1);
    this.client.on("error", (error) => this.#first.reject(error));
    this.client.on("disconnect", (disconnect) => {
      this.#disconnect = disconnect;
      this.#disconnected.resolve(disconnect);
      if (reconnects) return;
      this.#first.reject(new Error(`closed with ${JSON.stringify(disconnect)} before Ready`));
      void this.client.close();
    });
  }

  #next<T extends keyof ClientEvents>(type: T): Promise<ClientEvents[T]> {
    return new Promise((resolve) => {
      const stop = this.client.on(type, (event) => {
        stop();
        resolve(event);
      });
    });
  }
}
