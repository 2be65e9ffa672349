/**
 * The interfaces through which the gateway uses the outside world. `runtime/`, `log/`, `auth/` and `cluster/`
 * implement them for production, `mock/` for tests. No code.
 *
 * @module
 */

import type { Revocations } from "./ports_users.ts";
import type { Json, ViolationCode } from "./protocol/mod.ts";

export type { Json };
export type * from "./ports_users.ts";

/** A pending or expired timer. */
export interface Timer {
  /** Prevents the call; without effect once it was made. */
  cancel(): void;
}

/** Time on two scales, which agree until the wall clock is set. */
export interface Clock {
  /** Wall time in unix milliseconds. For values that other machines see: message times, token expiry. */
  now(): number;
  /** Monotonic time in milliseconds, equal to unix time at the start of the process. */
  steady(): number;
  /** Calls `callback` once, after `delayMs` of steady time (any non-negative number). */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Generates ids that are unique and cannot be guessed. */
export interface IdGenerator {
  /** Returns 1 to 40 characters of `[0-9a-z]`. */
  next(): string;
}

/** Limits on the body of one request. */
export interface BodyLimits {
  /** Longest body, in bytes. */
  readonly maxBytes: number;
  /** Longest time until it has arrived, in milliseconds. */
  readonly timeoutMs: number;
  /** Shared with the bodies of other requests. */
  readonly budget: BodyBudget;
}

/** Limits the memory of all bodies together while they arrive. */
export interface BodyBudget {
  /** Opens the share of a body that begins to arrive; `undefined` if there is no room for another. */
  begin(): BodyShare | undefined;
}

/** The memory of one body. */
export interface BodyShare {
  /** Sets the size of the body so far. Returns `false` if there is no room for it. */
  holds(bytes: number): boolean;
  /** Returns the memory to the budget. */
  release(): void;
}

/** The body or all bodies together exceed a limit, or the connection broke before the body was complete. */
export type BodyFailure = "too_large" | "overloaded" | "timed_out" | "broken";

/** Fields of a log line, as JSON. Never a token or a key. */
export type LogFields = Readonly<Record<string, Json | Error | undefined>>;

/** Structured logging. The message is fixed text to search for; what varies is in the fields. */
export interface Logger {
  /** Details of single connections. */
  debug(message: string, fields?: LogFields): void;
  /** Events of normal operation. */
  info(message: string, fields?: LogFields): void;
  /** Degraded operation. */
  warn(message: string, fields?: LogFields): void;
  /** Failures that an operator must look into. */
  error(message: string, fields?: LogFields): void;
}

/**
 * Reason for refusing a token. A token that is `not_yet_valid` or signed by an `unknown_key` may be accepted
 * later, when a clock or a key set has caught up; an `expired`, `invalid` or `revoked` one never is. The verifier
 * knows no revocations.
 */
export type TokenRefusal = "not_yet_valid" | "unknown_key" | "expired" | "invalid" | "revoked";

/** The result of verifying a token. A refusal is a value, not an error. */
export type TokenVerdict =
  | {
    readonly ok: true;
    /** The token's `sub`. */
    readonly user: string;
    /** The token's `channels`, without repetitions. */
    readonly channels: readonly string[];
    /** The token's `exp` in unix milliseconds, tolerance included. */
    readonly expiresAt: number;
    /** The token's `iat` in unix milliseconds; 0 if it has none. */
    readonly issuedAt: number;
  }
  | {
    readonly ok: false;
    /** For programs. */
    readonly refusal: TokenRefusal;
    /** For the client to read; at most 120 bytes. */
    readonly reason: string;
  };

/** Verifies the tokens of users. */
export interface TokenVerifier {
  /**
   * Checks signature and claims.
   *
   * @throws {OperationalError} `issuer_unreachable` when no key set has been fetched
   */
  verify(token: string): Promise<TokenVerdict>;
}

/** Receives the events of a socket. */
export interface SocketListener {
  /** A whole WebSocket message: text, or the bytes of a binary one. */
  messageReceived(data: string | Uint8Array): void;
  /** A ping or pong of the peer. Not every transport reports them. */
  controlReceived(): void;
  /** The peer violated RFC 6455 or a limit of the transport, which closes the connection with `code`. */
  violated(code: ViolationCode): void;
  /** The runtime has sent what it had. Called once for each {@linkcode Socket.notifyFlushed}. */
  flushed(): void;
  /**
   * The WebSocket is gone, closed by either side. Called once; nothing follows. `code` is that of the peer's close
   * frame, 1005 or 1006 without one; not every socket reports it.
   */
  closed(code?: number): void;
}

/** Text frames to send, in order; the same for every peer. */
export interface Outgoing {
  /** The payload of each frame. */
  readonly texts: readonly string[];
  /** Length of all payloads in UTF-8. */
  readonly bytes: number;
  /** The frames with their headers (RFC 6455, section 5.2); encoded once, at the first use. */
  readonly wire: Uint8Array;
}

/** The server side of an open WebSocket. */
export interface Socket {
  /** Sets the listener, and passes on the events that came before. */
  listen(listener: SocketListener): void;
  /** Passes frames to the runtime. Without effect once the socket is closing. */
  send(outgoing: Outgoing): void;
  /** Bytes that the runtime has and the network does not. */
  readonly bufferedBytes: number;
  /** Requests one call of `flushed`, never within this call; requests before it are merged. */
  notifyFlushed(): void;
  /** Sends a close frame, after everything sent before. */
  close(code: number, reason: string): void;
  /**
   * Ends the connection without the peer. Returns `false` where the runtime cannot because a write is pending:
   * the connection then ends when TCP gives it up, with a call of `closed`.
   */
  terminate(): boolean;
}

/** Receives the outcome of an accepted WebSocket handshake; one of the two is called. */
export interface UpgradeListener {
  /** The WebSocket is open. */
  opened(socket: Socket): void;
  /** It never opened. */
  abandoned(): void;
}

/** The transport's side of a request: what a `Request` lacks. */
export interface Exchange {
  /** The client's IP address, for the limits per address. */
  readonly address: string;
  /**
   * Reads the request's body. Call it once, and do not touch the body of the `Request`. Nothing is read before,
   * and never more than `maxBytes` held; a body that is declared to be longer is not read.
   */
  readBody(limits: BodyLimits): Promise<Uint8Array | BodyFailure>;
  /** Upgrades the request to a WebSocket. Returns the response, or the reason for which it cannot. */
  upgrade(listener: UpgradeListener): Response | string;
}

/** Responds to a request. Must not reject. */
export type RequestHandler = (
  request: Request,
  exchange: Exchange,
) => Response | Promise<Response>;

/** A message that the backend publishes, before the log stores it. */
export interface Draft {
  /** For the subscribers of this channel… */
  readonly channel?: string;
  /** …or for this user; with neither, for everyone. Never both. */
  readonly user?: string;
  /** Identifies the author to the app. */
  readonly author: string;
  /** Any JSON; the gateway does not interpret it. */
  readonly content: Json;
}

/** Something to tell those who are there; never stored. */
export interface Signal extends Draft {
  /** Unix milliseconds of its acceptance. */
  readonly time: number;
}

/** Takes signals, for the connections of one gateway or of all nodes of a deployment. */
export interface Signals {
  /** Sends `signals` to the sessions that asked for them. Any of them may be lost. */
  signal(signals: readonly Signal[]): void;
}

/** A message that the log has stored. */
export interface Message extends Draft {
  /** `<epoch>-<sequence>`: its position in the single order of all messages. */
  readonly id: string;
  /** The sequence in `id`. */
  readonly sequence: number;
  /** Unix milliseconds of its acceptance. */
  readonly time: number;
}

/** A position in the log. */
export interface Position {
  /** The id of the last message at or before this position, or that of the log's beginning. */
  readonly id: string;
  /** The sequence in `id`. */
  readonly sequence: number;
}

/** The messages that a reader may see. */
export interface Audience {
  /** Includes messages to everyone. */
  readonly everyone: boolean;
  /** Includes messages to this user. */
  readonly user?: string;
  /** Includes messages to these channels. */
  readonly channels: readonly string[];
}

/** A request for one page of the log. */
export interface LogQuery {
  /** Reads after this id; `undefined` reads from the oldest stored message. */
  readonly after: string | undefined;
  /** Filters the messages. */
  readonly audience: Audience;
  /** Most messages. */
  readonly limit: number;
  /** Most bytes of JSON; a first message is returned whatever its size. */
  readonly maxBytes: number;
}

/** The result of one read. */
export interface LogPage {
  /** In order. */
  readonly messages: readonly Message[];
  /** More follow after the last of `messages`. */
  readonly more: boolean;
  /**
   * The end of what the page covers: the last of `messages` if more follow, else the head of the log at the time
   * of the read. A read after it misses nothing.
   */
  readonly upTo: Position;
}

/** The answer to a publish under an idempotency key. */
export interface Published {
  /** One for each draft, in order. */
  readonly messages: readonly Pick<Message, "id" | "time">[];
  /** The answer is that of an earlier publish with the same key. */
  readonly repeated: boolean;
}

/** Makes a publish happen once (docs/http.md, "Idempotency"). */
export interface IdempotencyKey {
  /** As the backend sent it. */
  readonly key: string;
  /** Digest of the body: the same key with another digest is refused. */
  readonly digest: string;
}

/**
 * Stores messages and notifies subscribers of them. It is one port because a message that is delivered but not
 * stored cannot be resumed. All failures are {@linkcode OperationalError}s.
 */
export interface MessageLog {
  /** Stores all `drafts` or none, in order and with nothing between; resolves once they are durable. */
  publish(drafts: readonly Draft[]): Promise<readonly Message[]>;
  /**
   * Publishes once in 24 hours for each key.
   *
   * @throws {OperationalError} `idempotency_key_reused` for the same key with another digest
   */
  publishOnce(key: IdempotencyKey, drafts: readonly Draft[]): Promise<Published>;
  /**
   * Notifies `listener` of every durable message after the head of the log: in order, in batches, before its
   * publish resolves. Returns a function that unsubscribes.
   */
  subscribe(listener: (messages: readonly Message[]) => void): () => void;
  /**
   * Reads one page. Returns `"expired"` when `query.after` is not an id of this log, or a message after it is no
   * longer stored.
   */
  read(query: LogQuery): Promise<LogPage | "expired">;
  /** Returns the position of the last message of which subscribers were notified. */
  head(): Position;
  /**
   * Returns a position at or after every message that was stored, on any node, before the call. Whatever is
   * published after the answer follows it.
   */
  position(): Promise<Position>;
  /** Stored with the messages, so that they hold after a crash. */
  readonly revocations: Revocations;
  /** Rejects if the log cannot be written; for `/health`. */
  check(): Promise<void>;
  /** Waits for publishes in progress, then releases all resources. */
  close(): Promise<void>;
}

/** A login for development, in the fields of `POST /login` (docs/http.md, "For clients"). */
export interface LoginRequest {
  /** Becomes the token's `sub`. */
  readonly user: string;
  /** `wrong` is refused, anything else accepted. */
  readonly password: string;
  /** Becomes the token's `channels`; `["general"]` unless given. */
  readonly channels?: readonly string[];
  /** Seconds until the token expires; 3600 unless given. */
  readonly expires_in?: number;
}

/** The response to an accepted login. */
export interface LoginAnswer {
  /** The JWT to identify with. */
  readonly token: string;
  /** The token's `sub`. */
  readonly user: string;
  /** Seconds until the token expires. */
  readonly expires_in: number;
}

/** Records traces. */
export interface Tracer {
  /**
   * Starts the span of a request, below the span that the header `traceparent` names (W3C Trace Context).
   * Returns `undefined` if the trace is not recorded.
   */
  start(name: string, options: RequestSpanOptions): Span | undefined;
}

/** The start of a request's span. */
export interface RequestSpanOptions {
  /** The header of that name; `null` if the request has none. */
  readonly traceparent: string | null;
  /** Its start, in unix milliseconds with fractions, as all times of spans. */
  readonly at: number;
}

/** A part of a trace. It is exported once it has ended. */
export interface Span {
  /** Starts a span below this one. */
  child(name: string, at: number): Span;
  /** Replaces an earlier value of the same attribute. */
  set(attribute: string, value: string | number): void;
  /** Marks the span as failed. */
  fail(code: string): void;
  /** Ends it at `at`, in unix milliseconds, and exports it. */
  end(at: number): void;
}
