/**
 * The client: one session over many connections. It decides when to connect, with which token and from which
 * position, and delivers messages to the app, each once and in order. Frames and heartbeats are the work of
 * `connection.ts`.
 *
 * @module
 */

import { CloseCode, closeInfo, closeName, Op } from "../gateway/protocol/codes.ts";
import type { MessageFrame, Ready, SignalFrame } from "../gateway/protocol/frame_types.ts";
import { ReconnectBackoff } from "./backoff.ts";
import { Connection, type End } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { GatewayError } from "./error.ts";
import { neverOpened } from "./never_opened.ts";
import { type ResolvedOptions, resolveOptions } from "./options.ts";
import { MessageQueue } from "./queue.ts";
import { toError } from "./realm.ts";
import { RecentIds } from "./recent_ids.ts";
import { onWake, warn } from "./runtime.ts";
import { onSlept } from "./sleep.ts";
import { Tokens } from "./tokens.ts";
import type {
  ClientEvents,
  ClientState,
  ClientTimer,
  Disconnect,
  GatewayClientOptions,
  Message,
} from "./types.ts";

/** After this many attempts, if no socket ever opened, the fault is probably permanent. */
const UNOPENED_REPORTED = 3;

/**
 * A client of the gateway. It connects at once, and reconnects until it is closed.
 *
 * Read messages in a `for await` loop, with `on("message", …)`, or both. Messages are queued for loops, also
 * before the first one starts; with listeners and no loop, nothing is queued. When the queue is full, the client
 * disconnects, and resumes once half of it is read. So memory is bounded, and no message is lost that the gateway
 * still stores. Several loops share the messages: each goes to one of them.
 *
 * @example Read messages, here from the mock gateway
 * ```ts
 * import { createMockGateway } from "@emagine/gateway/mock";
 * import { GatewayClient } from "@emagine/gateway/client";
 *
 * await using mock = await createMockGateway();
 * await using gateway = new GatewayClient({
 *   url: mock.wsUrl,
 *   WebSocket: mock.WebSocket,
 *   clock: mock.clock,
 *   getToken: () => mock.token({ user: "alice" }),
 * });
 * await mock.settled();
 * await mock.publish({ channel: "general", author: "bob", content: "Hello, Alice" });
 * for await (const message of gateway) {
 *   if (message.content === "Hello, Alice") break;
 * }
 * ```
 */
export class GatewayClient implements AsyncIterable<Message>, AsyncDisposable {
  /** Resolves when the client has ended for any reason. Never rejects. */
  readonly closed: Promise<void>;
  readonly #options: ResolvedOptions;
  readonly #emitter = new Emitter<ClientEvents>();
  readonly #queue = new MessageQueue({
    shrunk: () => this.#resume(),
    lastIteratorClosed: () => this.#flush(),
  });
  readonly #recent = new RecentIds();
  readonly #tokens: Tokens;
  readonly #backoff: ReconnectBackoff;
  readonly #resolveClosed: () => void;
  /** Remove the listeners of the platform and the app. */
  readonly #stops: readonly (() => void)[];
  #state: ClientState = "connecting";
  #connection: Connection | undefined;
  #retry: ClientTimer | undefined;
  /** Attempts that opened no socket; `Infinity` once one has. */
  #unopened = 0;
  /** The id of the last message, or the position at which the session started. */
  #receivedId: string | undefined;
  #user: string | undefined;
  #roundTripMs: number | undefined;

  /**
   * Starts to connect.
   *
   * @throws {TypeError} for options that can never work; temporary failures are emitted as `error`
   */
  constructor(options: GatewayClientOptions) {
    const resolved = resolveOptions(options);
    const { clock, signal } = resolved;
    this.#options = resolved;
    this.#receivedId = options.lastId;
    this.#backoff = new ReconnectBackoff(resolved.random);
    this.#tokens = new Tokens({
      ...resolved,
      needed: () => this.#connection !== undefined,
      obtained: () => this.#tokenObtained(),
      loggedOut: () => this.#finish(undefined),
      failed: (error) => this.#tokenFailed(error),
    });
    let resolveClosed = (): void => {};
    this.closed = new Promise((resolve) => resolveClosed = resolve);
    this.#resolveClosed = resolveClosed;
    const abort = (): void => void this.close();
    signal?.addEventListener("abort", abort);
    this.#stops = [
      () => signal?.removeEventListener("abort", abort),
      // Offline, a new attempt would fail, but a connection to the same machine may be alive.
      onWake((isOffline) => isOffline ? this.#connection?.check() : this.check()),
      onSlept(clock, () => this.check()),
    ];
    if (signal?.aborted) abort();
    // Lets the app add listeners first. Not `queueMicrotask`, which fake timers replace.
    else void Promise.resolve().then(() => this.#connect());
  }

  /** The current state; changes are emitted as `state`. */
  get state(): ClientState {
    return this.#state;
  }

  /** The user that the gateway read from the token; `undefined` before the first Ready. */
  get user(): string | undefined {
    return this.#user;
  }

  /** The round trip of the last heartbeat, in milliseconds; `undefined` before the first. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /**
   * The id of the last message that the app received, or the position at which the session started. Save it and
   * pass it to the next client as `lastId`, so that no message is missed.
   */
  get lastId(): string | undefined {
    const { first } = this.#queue;
    return first === undefined ? this.#receivedId : first.before;
  }

  /**
   * Calls `listener` for every event of this type, and returns a function that removes it. An exception of a
   * listener is reported as an uncaught error, and affects nothing else.
   *
   * @example Show the state of the connection
   * ```ts
   * import { createMockGateway } from "@emagine/gateway/mock";
   * import { GatewayClient } from "@emagine/gateway/client";
   *
   * await using mock = await createMockGateway();
   * await using gateway = new GatewayClient({
   *   url: mock.wsUrl,
   *   WebSocket: mock.WebSocket,
   *   clock: mock.clock,
   *   getToken: () => mock.token({ user: "alice" }),
   * });
   * gateway.on("ready", ({ user }) => console.log(`connected as ${user}`));
   * gateway.on("gap", () => console.log("something may be missing: load what is shown"));
   * gateway.on("disconnect", ({ code, retryInMs }) => {
   *   console.log(`closed with ${code}, next attempt in ${retryInMs} ms`);
   * });
   * ```
   */
  on<T extends keyof ClientEvents>(
    type: T,
    listener: (event: ClientEvents[T]) => void,
  ): () => void {
    const stop = this.#emitter.on(type, listener);
    if (type === "message") this.#flush();
    if (type === "signal") this.#askForSignals();
    return stop;
  }

  /**
   * Reconnects immediately if the client is waiting to, else checks that the connection is alive. Call it when the
   * network may have changed or the device has woken up. In browsers the client does so itself.
   */
  check(): void {
    if (this.#state === "waiting") this.#connect();
    else this.#connection?.check();
  }

  /**
   * Closes the client. Loops end once they have read what is queued. Resolves when the gateway has answered, or
   * after a second.
   */
  close(): Promise<void> {
    this.#finish(undefined);
    return this.closed;
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Iterates over queued and future messages. The loop ends when the app closes the client, and throws a
   * {@linkcode GatewayError} when the gateway ends it for good. Leaving the loop does not close the client. After
   * calls of `next()` by hand, call `return()`: until then, messages are queued for this iterator.
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> & AsyncIterable<Message> {
    return this.#queue.iterate();
  }

  #connect(): void {
    if (this.#state === "closed") return;
    this.#retry?.cancel();
    this.#setState("connecting");
    if (this.#state === "connecting" && this.#tokens.get() !== undefined) this.#open();
  }

  #open(): void {
    try {
      const connection: Connection = new Connection(this.#options, {
        opened: () => {
          this.#unopened = Infinity;
          this.#identify(connection);
        },
        ready: (frame) => this.#ready(frame),
        published: (frame) => this.#published(frame),
        roundTrip: (ms) => {
          this.#roundTripMs = ms;
          this.#emitter.emit("roundtrip", ms);
        },
        ended: (end) => this.#ended(end),
      });
      this.#connection = connection;
    } catch (error) {
      // A page's Content-Security-Policy may forbid it, for instance.
      this.#emitError(toError(error));
      if (this.#state === "connecting") this.#wait();
    }
  }

  #identify(connection: Connection): void {
    const token = this.#tokens.current;
    // A renewal continues its session, without `last_id`.
    if (token === undefined) return;
    const lastId = connection.isReady ? undefined : this.#receivedId;
    connection.identify(token, { lastId, signals: this.#emitter.has("signal") });
  }

  /** Identifies again, as a renewal does, because Identify is the only frame that asks for signals. */
  #askForSignals(): void {
    const connection = this.#connection;
    if (connection?.isOpen && !connection.wantsSignals) this.#identify(connection);
  }

  #tokenObtained(): void {
    if (this.#connection?.isOpen) this.#identify(this.#connection);
    else if (this.#connection === undefined && this.#state === "connecting") this.#open();
  }

  #tokenFailed(error: Error): void {
    this.#emitError(error);
    if (this.#connection === undefined && this.#state === "connecting") this.#wait();
  }

  #ready({ user, last_id: lastId, resumed }: Ready): void {
    const isRenewal = this.#state === "ready";
    this.#user = user;
    this.#receivedId = lastId;
    if (isRenewal) return;
    this.#backoff.ready(this.#options.clock.steady());
    this.#setState("ready");
    const session = { user, lastId, ...(resumed === undefined ? {} : { resumed }) };
    // A listener may close the client in between.
    if (this.#isReady()) this.#emitter.emit("ready", session);
    if (this.#isReady() && resumed === false) this.#emitter.emit("gap", { lastId });
  }

  /** A method, because TypeScript assumes that calls do not change the state. */
  #isReady(): boolean {
    return this.#state === "ready";
  }

  #published(frame: MessageFrame | SignalFrame): void {
    const { channel, author, content, time } = frame;
    const signal = { ...(channel === undefined ? {} : { channel }), author, content, time };
    if (frame.op === Op.Signal) return this.#emitter.emit("signal", signal);
    const { id, replayed } = frame;
    if (!this.#recent.add(id)) return;
    const message = { id, ...signal, ...(replayed && { replayed }) };
    const before = this.#receivedId;
    this.#receivedId = id;
    const dispatched = this.#emitter.has("message");
    this.#emitter.emit("message", message);
    if (dispatched && this.#queue.iterators === 0) return;
    this.#queue.push({ message, before, dispatched });
    if (this.#queue.length >= this.#options.maxQueuedMessages) this.#pause();
  }

  /** Disconnects, because the protocol has no other way to stop the gateway from sending. */
  #pause(): void {
    if (this.#connection === undefined) return;
    void this.#connection.drop("the app does not read");
    this.#connection = undefined;
    this.#backoff.paused();
    this.#setState("paused");
  }

  /** Reconnects after the first delay, so that an app that is slightly too slow does not reconnect all the time. */
  #resume(): void {
    const { maxQueuedMessages } = this.#options;
    if (this.#state !== "paused" || this.#queue.length > maxQueuedMessages / 2) return;
    this.#wait();
  }

  /** Gives queued messages to listeners, if there is no loop to read them. */
  #flush(): void {
    while (this.#queue.iterators === 0 && this.#emitter.has("message")) {
      const queued = this.#queue.shift();
      if (queued === undefined) return;
      if (!queued.dispatched) this.#emitter.emit("message", queued.message);
    }
  }

  #ended({ code, reason }: End): void {
    this.#connection = undefined;
    const needsToken = code === CloseCode.IdentifyFailed.code;
    if (needsToken) this.#tokens.refused();
    this.#backoff.ended(code, this.#options.clock.steady());
    const reconnect = needsToken
      ? !this.#backoff.isFinallyRefused
      : closeInfo(code)?.reconnect ?? true;
    const disconnect = { code, name: closeName(code), reason };
    if (reconnect) this.#wait(disconnect);
    else this.#finish(new GatewayError(code, reason), disconnect);
    this.#countUnopened(reason);
  }

  /** Browsers do not report why a socket does not open, so the client lists once what to check. */
  #countUnopened(reason: string): void {
    if (++this.#unopened !== UNOPENED_REPORTED || this.#state === "closed") return;
    this.#emitError(neverOpened(this.#options.url, reason));
  }

  /** Sets the timer of the next attempt. `disconnect` describes the connection that ended, if any. */
  #wait(disconnect?: Disconnect): void {
    const retryInMs = this.#backoff.next();
    const retry = this.#options.clock.setTimer(retryInMs, () => this.#connect());
    this.#retry = retry;
    this.#state = "waiting";
    if (disconnect !== undefined) this.#emitter.emit("disconnect", { ...disconnect, retryInMs });
    // A listener may have closed the client, or made it reconnect.
    if (this.#state === "waiting" && this.#retry === retry) this.#emitter.emit("state", "waiting");
  }

  #finish(error: GatewayError | undefined, disconnect?: Disconnect): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#retry?.cancel();
    this.#tokens.stop();
    for (const stop of this.#stops) stop();
    const dropped = this.#connection?.drop("the app closed it");
    this.#connection = undefined;
    if (disconnect !== undefined) this.#emitter.emit("disconnect", disconnect);
    this.#emitter.emit("state", "closed");
    this.#queue.end(error);
    this.#emitter.emit("close", error);
    Promise.resolve(dropped).then(this.#resolveClosed);
  }

  #setState(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#emitter.emit("state", state);
  }

  #emitError(error: Error): void {
    if (this.#emitter.has("error")) this.#emitter.emit("error", error);
    else warn(error);
  }
}
