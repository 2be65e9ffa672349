/**
 * An app that is connected through the client library, with what tests ask of it: the next message, how a
 * session began, how a connection ended.
 *
 * It has one connection, and is over when that ends, unless a test wants it to come back. What passes on
 * the connection is hidden, as the library hides it, but what it must never be is looked for in every test;
 * a test of frames takes a `Peer`.
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
} from "../../../client/mod.ts";
import { Audit } from "./audit.ts";
import { cuttableTo } from "./raw_socket.ts";
import { within } from "./wait.ts";
import { webSocketTo } from "./web_socket.ts";

export interface MemberOptions extends Pick<GatewayClientOptions, "lastId"> {
  /** Whether it comes back by itself, and soon, when its connection ends; not unless told. */
  readonly reconnects?: boolean;
  /** Whether its connection can be cut. */
  readonly cuttable?: boolean;
}

export interface MemberDeps extends MemberOptions, Pick<GatewayClientOptions, "getToken"> {
  /** Where the next connection goes. */
  readonly url: () => string;
}

/** Tests read when they want to; no connection is to end because of it. */
const MAX_QUEUED = 100_000;
/** For delays that tests are not about: 1 ms at first, 20 ms at most. */
const SOON = (): number => 0.001;

export class Member implements AsyncDisposable {
  readonly client: GatewayClient;
  /** Where messages went on after each gap so far. */
  readonly gaps: string[] = [];
  /** Ends the connection without a close frame, if it is cuttable. */
  readonly cut: () => void;
  readonly #audit = new Audit();
  readonly #messages: AsyncIterator<Message, undefined>;
  readonly #first = Promise.withResolvers<ReadySession>();
  readonly #disconnected = Promise.withResolvers<Disconnect>();
  #ready: ReadySession | undefined;
  #disconnect: Disconnect | undefined;
  /** Messages that have come, and that the test has taken. */
  #heard = 0;
  #taken = 0;

  private constructor(
    { url, getToken, lastId, reconnects = false, cuttable = false }: MemberDeps,
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
    this.#messages = this.client[Symbol.asyncIterator]();
    this.#listen(reconnects);
    // A test that never asks for it is not failed by it.
    this.#first.promise.catch(() => undefined);
  }

  /** Connects and identifies; returns the member once it is ready. */
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

  /** How the first session began. */
  get ready(): ReadySession {
    assert.ok(this.#ready);
    return this.#ready;
  }

  /** How many messages wait to be taken. */
  get unread(): number {
    return this.#heard - this.#taken;
  }

  /** The next message. Fails if the client is over instead, or has received what it must not. */
  async nextMessage(what = "a Message"): Promise<Message> {
    const { value } = await within(what, this.#messages.next());
    assert.deepEqual(this.#audit.faults, []);
    const end = JSON.stringify(this.#disconnect);
    assert.ok(value !== undefined, `closed with ${end} instead of ${what}`);
    this.#taken += 1;
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
    this.client.on("message", () => this.#heard += 1);
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
