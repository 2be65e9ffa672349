/**
 * The ports: what the gateway needs from the world, as interfaces. `runtime/`, `log/` and `auth/`
 * implement them for production, `mock/` for tests.
 *
 * Interfaces only, no code.
 *
 * @module
 */

import type { Json, ViolationCode } from "./protocol/mod.ts";

export type { Json };

/** A timer that was set. */
export interface Timer {
  /** Keeps the callback from being called; harmless once it was. */
  cancel(): void;
}

/** Time, in two scales that agree until somebody sets the wall clock. */
export interface Clock {
  /** Wall time: unix milliseconds. For what other machines see: message times, token expiry. */
  now(): number;
  /** Time that never jumps or goes back, in milliseconds, anchored to unix time at the start. */
  steady(): number;
  /** Calls `callback` once, `delayMs` of steady time from now (any non-negative number). */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Names that nobody else has and nobody can guess. */
export interface IdGenerator {
  /** A new one: 1 to 40 characters of `[0-9a-z]`. */
  next(): string;
}

/** What the body of a request may cost. */
export interface BodyLimits {
  /** Longest body, in bytes. */
  readonly maxBytes: number;
  /** How long it may take to arrive, in milliseconds. */
  readonly timeoutMs: number;
  /** What it shares with the bodies of other requests. */
  readonly budget: BodyBudget;
}

/** What bodies may hold together while they arrive. */
export interface BodyBudget {
  /** The share of a body that begins to arrive; `undefined` if there is no room for one. */
  begin(): BodyShare | undefined;
}

/** What one body holds. */
export interface BodyShare {
  /** It holds `bytes` bytes by now; `false` if there is no room for so many. */
  holds(bytes: number): boolean;
  /** It is handed over, or let go. */
  release(): void;
}

/** Why there is no body: it or all are over a limit, or its connection broke before it was complete. */
export type BodyFailure = "too_large" | "overloaded" | "timed_out" | "broken";

/** Fields of a log line, as JSON. Never a token or a key. */
export type LogFields = Readonly<Record<string, Json | Error | undefined>>;

/** Structured logging. The message says what happened, the fields to whom. */
export interface Logger {
  /** For whoever looks into one connection. */
  debug(message: string, fields?: LogFields): void;
  /** What an operator wants to know of a normal day. */
  info(message: string, fields?: LogFields): void;
  /** What works less well than it should. */
  warn(message: string, fields?: LogFields): void;
  /** What somebody has to look at. */
  error(message: string, fields?: LogFields): void;
}

/**
 * Why a token is refused. `not_yet_valid` and `unknown_key` may end by themselves, when a clock or a key
 * set has caught up; `expired` and `invalid` tokens are never accepted again.
 */
export type TokenRefusal = "not_yet_valid" | "unknown_key" | "expired" | "invalid";

/** What the verifier says of a token: a refusal is a value, not an error. */
export type TokenVerdict =
  | {
    readonly ok: true;
    /** The token's `sub`. */
    readonly user: string;
    /** The token's `channels`, without repetitions. */
    readonly channels: readonly string[];
    /** The token's `exp` in unix milliseconds, tolerance included. */
    readonly expiresAt: number;
  }
  | {
    readonly ok: false;
    /** Why, for programs. */
    readonly refusal: TokenRefusal;
    /** Why, in words that may be shown to the client; at most 120 bytes. */
    readonly reason: string;
  };

/** Verifies the tokens of users. */
export interface TokenVerifier {
  /**
   * Decides on a token.
   *
   * @throws {OperationalError} `issuer_unreachable` when no key can be had to decide by
   */
  verify(token: string): Promise<TokenVerdict>;
}

/** What a socket tells its connection. */
export interface SocketListener {
  /** A whole WebSocket message: text, or the bytes of a binary one. */
  messageReceived(data: string | Uint8Array): void;
  /** A ping or a pong of the peer. Only told by a transport that shows them. */
  controlReceived(): void;
  /** The peer broke RFC 6455 or a limit of the transport, which ends the connection with this code. */
  violated(code: ViolationCode): void;
  /** What the runtime was handed has gone to the network. Told once for each {@linkcode Socket.notifyFlushed}. */
  flushed(): void;
  /** The WebSocket is gone, by whomever. Called once; nothing follows. */
  closed(): void;
}

/** Text frames to send, in order; the same for every peer. */
export interface Outgoing {
  /** The payload of each frame. */
  readonly texts: readonly string[];
  /** The length of all payloads in UTF-8. */
  readonly bytes: number;
  /** The frames as bytes, headers included (RFC 6455, section 5.2); made once, when first asked for. */
  readonly wire: Uint8Array;
}

/** A server side WebSocket that is open. */
export interface Socket {
  /** Says where events go. What arrives before is held for it. */
  listen(listener: SocketListener): void;
  /** Hands frames to the runtime. Silently without effect once the socket is closing. */
  send(outgoing: Outgoing): void;
  /** Bytes handed to the runtime that it has not given to the network yet. */
  readonly bufferedBytes: number;
  /** Asks to be told by `flushed`, never within this call; asking again before that changes nothing. */
  notifyFlushed(): void;
  /** Sends a close frame; what was sent before goes first. */
  close(code: number, reason: string): void;
  /**
   * Ends the connection without the peer. Returns whether it is gone: a runtime may be unable to while
   * a write is pending, and then the connection ends when TCP gives it up; `closed` tells.
   */
  terminate(): boolean;
}

/** What becomes of a WebSocket handshake that was accepted. */
export interface UpgradeListener {
  /** The WebSocket is open. */
  opened(socket: Socket): void;
  /** It never opened. */
  abandoned(): void;
}

/** What a transport knows and can do of a request, beside what the `Request` says. */
export interface Exchange {
  /** The client's IP address, as the limits per address count it. */
  readonly address: string;
  /**
   * Reads the request's body, once; the body of the `Request` is not to be touched. Nothing of it is read
   * before, and never more than `maxBytes` of it is held; one that is declared to be longer is not read.
   */
  readBody(limits: BodyLimits): Promise<Uint8Array | BodyFailure>;
  /** Makes a WebSocket of the request. Returns what to answer it with, or why it cannot be done. */
  upgrade(listener: UpgradeListener): Response | string;
}

/** Answers a request. Must not reject. */
export type RequestHandler = (
  request: Request,
  exchange: Exchange,
) => Response | Promise<Response>;

/** What the app's backend asks to publish. */
export interface Draft {
  /** To everyone who is in this channel… */
  readonly channel?: string;
  /** …or to this user; with neither, to everyone. Never both. */
  readonly user?: string;
  /** Who wrote it, in the app's terms. */
  readonly author: string;
  /** What the app wants its clients to have. */
  readonly content: Json;
}

/** A message that the log has kept. */
export interface Message extends Draft {
  /** `<epoch>-<sequence>`: its position in the one order of the deployment. */
  readonly id: string;
  /** The sequence in `id`. */
  readonly sequence: number;
  /** Unix milliseconds at which it was accepted. */
  readonly time: number;
}

/** A position in the log. */
export interface Position {
  /** The id of the last message at or before this position, or that of the log's beginning. */
  readonly id: string;
  /** The sequence in `id`. */
  readonly sequence: number;
}

/** What a reader may see: messages to everyone, to `user`, and to `channels`. */
export interface Audience {
  /** Whether messages to everyone belong to it. */
  readonly everyone: boolean;
  /** Whose own messages belong to it. */
  readonly user?: string;
  /** The channels whose messages belong to it. */
  readonly channels: readonly string[];
}

/** A read from the log. */
export interface LogQuery {
  /** The id after which to read; `undefined` reads from the oldest message that is kept. */
  readonly after: string | undefined;
  /** For whom. */
  readonly audience: Audience;
  /** At most this many messages. */
  readonly limit: number;
  /** At most this many bytes of JSON, but always one message if there is one. */
  readonly maxBytes: number;
}

/** A page of what was read. */
export interface LogPage {
  /** In order. */
  readonly messages: readonly Message[];
  /** Whether more follow after the last of `messages`. */
  readonly more: boolean;
  /**
   * Up to where this page is complete: the last of `messages` if more follow, else the head of the log
   * when it was read. Reading on from here misses nothing.
   */
  readonly upTo: Position;
}

/** The answer to a publish under an idempotency key. */
export interface Published {
  /** What became of each draft, in order. */
  readonly messages: readonly Pick<Message, "id" | "time">[];
  /** Whether this is the answer that an earlier publish with the same key got. */
  readonly repeated: boolean;
}

/** A key under which a publish happens once (docs/http.md, "Idempotency"). */
export interface IdempotencyKey {
  /** As the backend sent it. */
  readonly key: string;
  /** A digest of the body: the same key with another digest is refused. */
  readonly digest: string;
}

/**
 * Keeps messages and spreads them, which is one port, because a message that is spread but not kept
 * cannot be resumed. All failures are {@linkcode OperationalError}s.
 */
export interface MessageLog {
  /** Keeps `drafts`, all or none, next to each other and in order; resolves once they are durable. */
  publish(drafts: readonly Draft[]): Promise<readonly Message[]>;
  /**
   * The same, once in 24 hours for each key.
   *
   * @throws {OperationalError} `idempotency_key_reused` for the same key with another digest
   */
  publishOnce(key: IdempotencyKey, drafts: readonly Draft[]): Promise<Published>;
  /**
   * Hands `listener` every message that is durable, in order, a batch at a time, before the publish
   * that made it resolves. From the head of the log on; returns how to stop.
   */
  subscribe(listener: (messages: readonly Message[]) => void): () => void;
  /**
   * What `query.audience` may see after `query.after`; `"expired"` when that id is not one of this log
   * or something after it is no longer kept.
   */
  read(query: LogQuery): Promise<LogPage | "expired">;
  /** The position of the last message that was handed to subscribers. */
  head(): Position;
  /** Resolves if the log can be written; for `/health`. Rejects otherwise. */
  check(): Promise<void>;
  /** Lets what is being published finish, then gives everything back. */
  close(): Promise<void>;
}

/** A login for development, in the fields of `POST /login` (docs/http.md, "For clients"). */
export interface LoginRequest {
  /** Becomes the token's `sub`. */
  readonly user: string;
  /** Any but `wrong`. */
  readonly password: string;
  /** Becomes the token's `channels`; `["general"]` unless given. */
  readonly channels?: readonly string[];
  /** Seconds until the token expires; 3600 unless given. */
  readonly expires_in?: number;
}

/** The answer to a login that was accepted. */
export interface LoginAnswer {
  /** The JWT to identify with. */
  readonly token: string;
  /** The token's `sub`. */
  readonly user: string;
  /** Seconds until the token expires. */
  readonly expires_in: number;
}

/** The open connections of users: those of one gateway, or of all nodes of a deployment. */
export interface Users {
  /**
   * Executes `command` on the connections that its user has open now, after the messages that were published
   * before it and before those that follow. Resolves with the number of connections that it closed.
   *
   * @throws {OperationalError} when the command cannot be stored
   */
  execute(command: UserCommand): Promise<number>;
  /**
   * Counts the connections of `user` that are ready, with their channels.
   *
   * @throws {OperationalError} `log_unavailable` when a node does not answer
   */
  presence(user: string): Presence | Promise<Presence>;
}

/** Whether a user is there. */
export interface Presence {
  /** How many of the user's connections are ready. */
  readonly connections: number;
  /** Every channel of any of them, sorted, each once. */
  readonly channels: readonly string[];
}

/** Subscribes the open connections of a user to a channel, unsubscribes them, or closes them with 4010. */
export type UserCommand =
  | { readonly do: "join" | "leave"; readonly user: string; readonly channel: string }
  | { readonly do: "disconnect"; readonly user: string };

/** A command in a shared log; nodes answer to `reply` once they have executed it. */
export type SharedCommand = UserCommand & { readonly reply: string };

/**
 * A log that many nodes share, and in which they tell each other what to do. A command has its place among
 * the messages, so that every node comes to it in the same order, also one that was cut off for a while.
 */
export interface CommandLog {
  /** Stores `command`, and resolves once it is durable and this node has come to it. */
  appendCommand(command: SharedCommand): Promise<void>;
  /** Hands `listener` every command after the head of the log; returns how to stop. */
  subscribeCommands(listener: (command: SharedCommand) => void): () => void;
}
