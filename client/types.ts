/**
 * The types of the client's public interface.
 *
 * @module
 */

import type { Json } from "../gateway/protocol/json_type.ts";
import type { GatewayError } from "./error.ts";

/** A message that the app's backend published (docs/protocol.md, "Message (3)"). */
export interface Message<Content = Json> {
  /** Its position in the order of all messages. Opaque; valid as `lastId`. */
  readonly id: string;
  /** The channel; absent on a message to one user or to all. */
  readonly channel?: string | undefined;
  /** The author, as set by the backend. */
  readonly author: string;
  /** The content, as published by the backend. */
  readonly content: Content;
  /** The time at which the gateway accepted it, in unix milliseconds. */
  readonly time: number;
  /** True if it was published before the session began, so while the app was away; absent if since. */
  readonly replayed?: boolean | undefined;
}

/** Not `AsyncIterableIterator`, which takes one parameter before TypeScript 5.6. */
export type MessageIterator<Content = Json> =
  & AsyncIterator<Message<Content>, undefined>
  & AsyncIterable<Message<Content>>;

/** A signal that the app's backend sent (docs/protocol.md, "Signal (4)"). */
export interface Signal<Content = Json> {
  /** The channel; absent on a signal to one user or to all. */
  readonly channel?: string | undefined;
  /** The author, as set by the backend. */
  readonly author: string;
  /** The content, as sent by the backend. */
  readonly content: Content;
  /** The time at which the gateway accepted it, in unix milliseconds. */
  readonly time: number;
}

/** The state of a client. */
export type ClientState =
  /** Getting a token, connecting or identifying. */
  | "connecting"
  /** Receiving messages. */
  | "ready"
  /** Disconnected, with a timer for the next attempt. */
  | "waiting"
  /** Disconnected until the app has read what is queued. */
  | "paused"
  /** Disconnected until the app calls {@linkcode GatewayClient.connect}. */
  | "disconnected"
  /** Ended for good. */
  | "closed";

/** A request for a token. */
export interface TokenRequest {
  /**
   * `start`: there is no token yet. `expiring`: the token expires soon, or has expired. `refused`: the gateway
   * refused it (4003); do not return it again from a cache.
   */
  readonly reason: "start" | "expiring" | "refused";
  /** Aborted when the client is closed, and after 30 seconds. */
  readonly signal: AbortSignal;
}

/** Options of {@linkcode GatewayClient}. */
export interface GatewayClientOptions {
  /** The gateway's URL, such as `wss://chat.example.com/gateway`; in a browser also relative to the page. */
  readonly url: string | URL;
  /**
   * Returns a JWT of the user. Called at the start, before the token expires, and when it was refused. If it
   * throws or takes more than 30 s, the client emits `error` and calls it again after a delay. Return `null` if
   * the user is logged out: it closes the client as {@linkcode GatewayClient.close} does.
   */
  readonly getToken: (request: TokenRequest) => string | null | Promise<string | null>;
  /** The position to resume from: {@linkcode GatewayClient.lastId} of an earlier client, or a message's `id`. */
  readonly lastId?: string | undefined;
  /** False if the app calls {@linkcode GatewayClient.connect}. Default: true. */
  readonly autoConnect?: boolean | undefined;
  /** Closes the client when aborted. */
  readonly signal?: AbortSignal | undefined;
  /** The maximum of messages that wait for a loop, at least 1. Default: 1,000. */
  readonly maxQueuedMessages?: number | undefined;
  /** The limit for connecting until Ready, in milliseconds. Default: 30,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** The WebSocket class. Default: the global one. */
  readonly WebSocket?: ClientSocketConstructor | undefined;
  /** The time. Default: the machine's. */
  readonly clock?: ClientClock | undefined;
  /** Returns numbers in [0, 1), for the delays. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Events by type, for {@linkcode GatewayClient.on}. */
export interface ClientEvents<Content = Json, SignalContent = Json> {
  /** A message arrived. */
  message: Message<Content>;
  /**
   * A signal arrived, such as "alice is typing". Signals are not stored, not replayed, and never in loops. The client
   * asks for them once there is a listener: add it before the client connects, or it identifies again.
   */
  signal: Signal<SignalContent>;
  /** A session started: the first, or after a reconnect. */
  ready: ReadySession;
  /**
   * Messages may be missing, because the client was away for longer than the gateway stores them: reload what the
   * app shows. Messages continue after `lastId`.
   */
  gap: { readonly lastId: string };
  /** The connection ended. */
  disconnect: Disconnect;
  /** The state changed to this one. */
  state: ClientState;
  /** A heartbeat was answered, after this time in milliseconds. */
  roundtrip: number;
  /**
   * A failure after which the client tries again: of `getToken`, or of the WebSocket's constructor. Also emitted
   * once if the first three attempts open no socket: the URL may be wrong, or the page's origin refused. Without
   * a listener it is written to the console.
   */
  error: Error;
  /** The client ended: with an error, unless the app closed it or `getToken` returned `null`. Emitted once. */
  close: GatewayError | undefined;
  /** A record of what the client does. It has no token, but messages. Do not call the client from its listener. */
  log: LogRecord;
}

/** A step of a connection or of the client, without its time. */
export type LogEvent =
  /** The state changed. */
  | { readonly event: "state"; readonly state: ClientState }
  /** A frame, without a token; as text if the gateway sent something other than JSON. */
  | { readonly event: "sent" | "received"; readonly frame: unknown }
  /** The client closed the connection. */
  | { readonly event: "close_sent"; readonly code: number; readonly reason: string }
  /** The event `disconnect`. */
  | { readonly event: "disconnect" } & Disconnect;

/** A step with its time. */
export type LogRecord = LogEvent & {
  /** Unix milliseconds, by the client's clock. */
  readonly at: number;
};

/** A session that started (docs/protocol.md, "Ready (2)"). */
export interface ReadySession {
  /** The user, as read from the token. */
  readonly user: string;
  /** The position at which the session starts. */
  readonly lastId: string;
  /** True if no message was missed; absent if there was no position to resume from. */
  readonly resumed?: boolean | undefined;
}

/** The end of a connection (docs/protocol.md, "Close codes"). */
export interface Disconnect {
  /** The close code; 1006 without one, and if the client found the connection dead. */
  readonly code: number;
  /** The name of the code, if it is one of the gateway's. */
  readonly name?: string | undefined;
  /** The reason, for people to read. */
  readonly reason: string;
  /** The delay before the next attempt, in milliseconds; absent if there is none. */
  readonly retryInMs?: number | undefined;
}

/** A timer of {@linkcode ClientClock.setTimer}. */
export interface ClientTimer {
  /** Prevents the callback. */
  cancel(): void;
}

/** The client's source of time. The mock gateway's clock implements it. */
export interface ClientClock {
  /** Unix milliseconds. */
  now(): number;
  /** Milliseconds of a monotonic clock. */
  steady(): number;
  /** Calls `callback` once, `delayMs` from now. */
  setTimer(delayMs: number, callback: () => void): ClientTimer;
}

/**
 * The part of the standard `WebSocket` that the client uses. The client assigns functions to the four handlers;
 * call `onmessage` with `data`, and `onclose` with `code` and `reason`.
 */
export interface ClientSocket {
  /** 1 while open. */
  readonly readyState: number;
  /** Called when it opens. */
  onopen: unknown;
  /** Called with each message. */
  onmessage: unknown;
  /** Called when it is closed. */
  onclose: unknown;
  /** Called when it fails; `onclose` may follow. */
  onerror: unknown;
  /** Sends text. */
  send(text: string): void;
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** A class of WebSockets. */
export type ClientSocketConstructor = new (url: string) => ClientSocket;
