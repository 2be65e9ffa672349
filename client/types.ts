/**
 * What an app gives the client and gets from it: types only.
 *
 * @module
 */

import type { Json } from "../gateway/protocol/json.ts";
import type { GatewayError } from "./error.ts";

/** A message that the app's backend published (docs/protocol.md, "Message (3)"). */
export interface Message {
  /** Its position in the one order of all messages; opaque, and good for `lastId`. */
  readonly id: string;
  /** The channel it was published to; absent on a message to one user or to everyone. */
  readonly channel?: string | undefined;
  /** Who wrote it, as the backend says. */
  readonly author: string;
  /** What the backend published. */
  readonly content: Json;
  /** When the gateway accepted it, in unix milliseconds. */
  readonly time: number;
}

/** What a client is at. */
export type ClientState =
  /** It gets a token, connects or identifies. */
  | "connecting"
  /** Messages flow. */
  | "ready"
  /** It has lost its connection, and waits before it tries again. */
  | "waiting"
  /** The app has not read what is queued: disconnected on purpose, until it has. */
  | "paused"
  /** It is over, for good. */
  | "closed";

/** Why a token is asked for. */
export interface TokenRequest {
  /**
   * `start`: there is none yet. `expiring`: the one there is runs out soon, or has. `refused`: the gateway did
   * not take it (4003); a token from a cache is the wrong answer.
   */
  readonly reason: "start" | "expiring" | "refused";
  /** Aborted when the client is closed, and when the answer has not come within 30 seconds. */
  readonly signal: AbortSignal;
}

/** How a client is made. */
export interface GatewayClientOptions {
  /** Where the gateway is: `wss://chat.example.com/gateway`; in a browser also relative to the page. */
  readonly url: string | URL;
  /**
   * Gives a JWT of the user: called at the start, before the last one expires, and when it was refused. What
   * it throws is told as `error`, as its `cause` where it is no `Error`, and it is called again after a delay;
   * so it is if it takes 30 seconds. `null` says that the user is logged out, and closes the client as
   * {@linkcode GatewayClient.close} does.
   */
  readonly getToken: (request: TokenRequest) => string | null | Promise<string | null>;
  /** Where to take up: {@linkcode GatewayClient.lastId} of an earlier client, or the `id` of a message. */
  readonly lastId?: string | undefined;
  /** Closes the client when it is aborted, as {@linkcode GatewayClient.close} does. */
  readonly signal?: AbortSignal | undefined;
  /** How many messages may wait for a loop to take them; 1,000 unless told. */
  readonly maxQueuedMessages?: number | undefined;
  /** How long a connection may take until the gateway says Ready, in milliseconds; 30,000 unless told. */
  readonly connectTimeoutMs?: number | undefined;
  /** The class of the connections; the global `WebSocket` unless told. */
  readonly WebSocket?: ClientSocketConstructor | undefined;
  /** Time; that of the machine unless told. */
  readonly clock?: ClientClock | undefined;
  /** Numbers in [0, 1) for the delays; `Math.random` unless told. */
  readonly random?: (() => number) | undefined;
}

/** What a client tells, by the name under which to listen ({@linkcode GatewayClient.on}). */
export interface ClientEvents {
  /** A message arrived. */
  message: Message;
  /** A session began: at the start and after each reconnect. */
  ready: ReadySession;
  /**
   * The client was away for longer than the gateway keeps messages, and some may be missing: load what the
   * app shows anew. Messages go on after `lastId`.
   */
  gap: { readonly lastId: string };
  /** The connection ended. */
  disconnect: Disconnect;
  /** The state changed, to this one. */
  state: ClientState;
  /** A heartbeat was answered after so many milliseconds. */
  roundtrip: number;
  /**
   * Something failed that the client tries again: `getToken`, or making a connection at all. Told once, too,
   * when three attempts have opened no socket and none ever did: the URL may be wrong, or the page's origin be
   * refused. Written to the console if nobody listens.
   */
  error: Error;
  /** It is over, once: with an error if it was not the app that closed it, or said that the user is logged out. */
  close: GatewayError | undefined;
}

/** A session that began (docs/protocol.md, "Ready (2)"). */
export interface ReadySession {
  /** Who the client is for the gateway. */
  readonly user: string;
  /** The position at which the session begins. */
  readonly lastId: string;
  /** Whether nothing was missed; absent where there was nothing to take up. */
  readonly resumed?: boolean | undefined;
}

/** How a connection ended (docs/protocol.md, "Close codes"). */
export interface Disconnect {
  /** The close code: 1006 if there was none, or if it was the client that found the connection dead. */
  readonly code: number;
  /** Its name, if it is one of the gateway's. */
  readonly name?: string | undefined;
  /** What was said of it, in words for people. */
  readonly reason: string;
  /** In how many milliseconds the client tries again; absent if it does not. */
  readonly retryInMs?: number | undefined;
}

/** A timer that was set. */
export interface ClientTimer {
  /** Keeps the callback from being called. */
  cancel(): void;
}

/** Time, as the client sees it. The gateway's `Clock` and its fake clock are of this form. */
export interface ClientClock {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds of a clock that nobody sets. */
  steady(): number;
  /** Calls `callback` once, `delayMs` from now. */
  setTimer(delayMs: number, callback: () => void): ClientTimer;
}

/**
 * What the client needs of a `WebSocket`. It assigns functions to the four handlers, as with the standard
 * class: `onmessage` is called with `data`, `onclose` with `code` and `reason`.
 */
export interface ClientSocket {
  /** 1 while it can be sent on, as in the standard class. */
  readonly readyState: number;
  /** Called when it is open. */
  onopen: unknown;
  /** Called with each message. */
  onmessage: unknown;
  /** Called when it is gone. */
  onclose: unknown;
  /** Called when it fails; `onclose` may follow. */
  onerror: unknown;
  /** Sends text. */
  send(text: string): void;
  /** Closes. */
  close(code?: number, reason?: string): void;
}

/** Makes connections, as the class `WebSocket` does. */
export type ClientSocketConstructor = new (url: string) => ClientSocket;
