/**
 * The client: one session over many connections. It decides when to connect, with which token and from which
 * position. Frames and heartbeats are the work of `connection.ts`, messages that of `delivery.ts`.
 *
 * @module
 */

import { CloseCode, closeInfo, closeName } from "../gateway/protocol/codes.ts";
import type { MessageFrame, Ready, SignalFrame } from "../gateway/protocol/frame_types.ts";
import type { Json } from "../gateway/protocol/json_type.ts";
import { ReconnectBackoff } from "./backoff.ts";
import { Connection, type End } from "./connection.ts";
import { Delivery } from "./delivery.ts";
import { Emitter } from "./emitter.ts";
import { GatewayError, neverOpened } from "./error.ts";
import { type ResolvedOptions, resolveOptions } from "./options.ts";
import { toError } from "./realm.ts";
import { onWake, warn } from "./runtime.ts";
import { onSlept } from "./sleep.ts";
import { Tokens } from "./tokens.ts";
import type {
  ClientEvents,
  ClientState,
  ClientTimer,
  Disconnect,
  GatewayClientOptions,
  LogEvent,
  Message,
  MessageIterator,
} from "./types.ts";

/** After this many attempts, if no socket ever opened, the fault is probably permanent. */
const UNOPENED_REPORTED = 3;

/**
 * A client of the gateway. It connects at once, and reconnects until it is closed.
 *
 * Read messages in a `for await` loop, with `on("message", …)`, or both. Messages are queued for loops, also
 * before the first one starts; with listeners and no loop, nothing is queued. When the queue is full, the client
 * disconnects, and resumes once half of it is read. So memory is bounded, and no message is lost that the gateway
 * still stores.
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
export class GatewayClient<Content = Json, SignalContent = Json>
  implements AsyncIterable<Message<Content>>, AsyncDisposable {
  #resolveClosed = (): void => {};
  /** Resolves when the client has ended for any reason. Never rejects. */
  readonly closed: Promise<void> = new Promise((resolve) => this.#resolveClosed = resolve);
  readonly #options: ResolvedOptions;
  readonly #emitter = new Emitter<ClientEvents<Content, SignalContent>>();
  readonly #delivery = new Delivery<Content, SignalContent>({
    emitter: this.#emitter,
    shrunk: () => this.#resume(),
  });
  readonly #tokens: Tokens;
  readonly #backoff: ReconnectBackoff;
  readonly #abort = (): void => void this.close();
  /** Remove the listeners of the platform. */
  #stops: (() => void)[] = [];
  #state: ClientState;
  #connection: Connection | undefined;
  #retry: ClientTimer | undefined;
  /** Attempts that opened no socket; `Infinity` once one has. */
  #unopened = 0;
  #user: string | undefined;
  #roundTripMs: number | undefined;

  /**
   * Starts to connect, unless `autoConnect` is false.
   *
   * @throws {TypeError} for options that can never work; temporary failures are emitted as `error`
   */
  constructor(options: GatewayClientOptions) {
    const resolved = resolveOptions(options);
    const { signal } = resolved;
    const autoConnect = options.autoConnect ?? true;
    this.#options = resolved;
    this.#delivery.receivedId = options.lastId;
    this.#backoff = new ReconnectBackoff(resolved.random);
    this.#tokens = new Tokens({
      ...resolved,
      needed: () => this.#connection !== undefined,
      obtained: () => this.#tokenObtained(),
      loggedOut: () => this.#finish(),
      failed: (error) => this.#failed(error),
    });
    this.#state = autoConnect ? "connecting" : "disconnected";
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.#abort();
    // Lets the app add listeners first. Not `queueMicrotask`, which fake timers replace.
    else if (autoConnect) void Promise.resolve().then(() => this.#connect("connecting"));
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
    return this.#delivery.lastId;
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
    listener: (event: ClientEvents<Content, SignalContent>[T]) => void,
  ): () => void {
    const stop = this.#emitter.on(type, listener);
    if (type === "message") this.#delivery.flush();
    if (type === "signal") this.#askForSignals();
    return stop;
  }

  /**
   * Reconnects immediately if the client is waiting to, else checks that the connection is alive. Call it when the
   * network may have changed or the device has woken up. In browsers the client does so itself.
   */
  check(): void {
    if (this.#state === "waiting") this.#connect("waiting");
    else this.#connection?.check();
  }

  /** Connects after {@linkcode disconnect}, or at first if `autoConnect` is false. Resumes after `lastId`. */
  connect(): void {
    this.#connect("disconnected");
  }

  /**
   * Disconnects until {@linkcode connect} is called. Loops and listeners remain. Resolves when the gateway has
   * answered, or after a second.
   */
  async disconnect(): Promise<void> {
    await this.#leave("disconnected");
  }

  /**
   * Closes the client. Loops end once they have read what is queued. Resolves when the gateway has answered, or
   * after a second.
   */
  close(): Promise<void> {
    this.#finish();
    return this.closed;
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Iterates over messages: those that wait and those that come, or those that come if another loop is open.
   * Each loop gets all its messages. It ends when the app closes the client, and throws a
   * {@linkcode GatewayError} when the gateway ends it for good. Leaving it does not close the client. After calls
   * of `next()` by hand, call `return()`: until then, messages are queued for this iterator.
   *
   * @param filter `channel`: only the messages of this channel
   */
  messages({ channel }: { readonly channel?: string | undefined } = {}): MessageIterator<Content> {
    return this.#delivery.iterate(channel);
  }

  /** The same as {@linkcode messages}, of all channels. */
  [Symbol.asyncIterator](): MessageIterator<Content> {
    return this.messages();
  }

  /** Connects if the state is `from`. */
  #connect(from: ClientState): void {
    if (this.#state !== from) return;
    this.#retry?.cancel();
    if (this.#stops.length === 0) {
      this.#stops = [
        // Offline, a new attempt would fail, but a connection to the same machine may be alive.
        onWake((isOffline) => isOffline ? this.#connection?.check() : this.check()),
        onSlept(this.#options.clock, () => this.check()),
      ];
    }
    this.#setState("connecting");
    if (this.#needsConnection && this.#tokens.get() !== undefined) this.#open();
  }

  get #needsConnection(): boolean {
    return this.#state === "connecting" && this.#connection === undefined;
  }

  /** Leaves the connection and all timers. */
  #leave(state: ClientState, disconnect?: Disconnect): Promise<void> | undefined {
    if (this.#state === "closed") return;
    this.#retry?.cancel();
    this.#tokens.stop();
    for (const stop of this.#stops.splice(0)) stop();
    this.#backoff.paused();
    const dropped = this.#connection?.drop(`the client is ${state}`);
    this.#connection = undefined;
    this.#setState(state, disconnect);
    return dropped;
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
        log: (event) => this.#log(event),
        ended: (end) => this.#ended(end),
      });
      this.#connection = connection;
    } catch (error) {
      // A page's Content-Security-Policy may forbid it, for instance.
      this.#failed(toError(error));
    }
  }

  #identify(connection: Connection): void {
    const token = this.#tokens.current;
    // A renewal continues its session, without `last_id`.
    if (token === undefined) return;
    const lastId = connection.isReady ? undefined : this.#delivery.receivedId;
    connection.identify({
      token,
      ...(lastId !== undefined && { last_id: lastId }),
      ...(this.#emitter.has("signal") && { signals: true }),
    });
  }

  /** Identifies again, as a renewal does, because Identify is the only frame that asks for signals. */
  #askForSignals(): void {
    const connection = this.#connection;
    if (connection?.isOpen && !connection.wantsSignals) this.#identify(connection);
  }

  #tokenObtained(): void {
    if (this.#connection?.isOpen) this.#identify(this.#connection);
    else if (this.#needsConnection) this.#open();
  }

  /** There is no token, or no socket. */
  #failed(error: Error): void {
    this.#emitError(error);
    if (this.#needsConnection) this.#wait();
  }

  #ready({ user, last_id: lastId, resumed }: Ready): void {
    const isRenewal = this.#state === "ready";
    this.#user = user;
    this.#delivery.receivedId = lastId;
    if (isRenewal) return;
    this.#backoff.ready(this.#options.clock.steady());
    this.#setState("ready");
    const session = { user, lastId, ...(resumed !== undefined && { resumed }) };
    // A listener may close the client in between.
    if (this.#state === "ready") this.#emitter.emit("ready", session);
    if (this.#state === "ready" && resumed === false) this.#emitter.emit("gap", { lastId });
  }

  #published(frame: MessageFrame | SignalFrame): void {
    this.#delivery.published(frame);
    // The protocol has no other way to stop the gateway from sending.
    if (this.#delivery.length >= this.#options.maxQueuedMessages && this.#state === "ready") {
      void this.#leave("paused");
    }
  }

  /** Reconnects after the first delay, so that an app that is slightly too slow does not reconnect all the time. */
  #resume(): void {
    const isRead = this.#delivery.length <= this.#options.maxQueuedMessages / 2;
    if (isRead && this.#state === "paused") this.#wait();
  }

  #ended({ code, reason }: End): void {
    this.#connection = undefined;
    this.#backoff.ended(code, this.#options.clock.steady());
    let reconnect = closeInfo(code)?.reconnect ?? true;
    if (code === CloseCode.IdentifyFailed.code) {
      this.#tokens.refused();
      reconnect = !this.#backoff.isFinallyRefused;
    }
    const disconnect = { code, name: closeName(code), reason };
    if (reconnect) this.#wait(disconnect);
    else this.#finish(new GatewayError(code, reason), disconnect);
    // Browsers do not report why a socket does not open, so the client lists once what to check.
    if (++this.#unopened === UNOPENED_REPORTED && this.#state !== "closed") {
      this.#emitError(neverOpened(this.#options.url, reason));
    }
  }

  /** Sets the timer of the next attempt. `disconnect` describes the connection that ended, if any. */
  #wait(disconnect?: Disconnect): void {
    const retryInMs = this.#backoff.next();
    this.#retry = this.#options.clock.setTimer(retryInMs, () => this.#connect("waiting"));
    this.#setState("waiting", disconnect && { ...disconnect, retryInMs });
  }

  #finish(error?: GatewayError, disconnect?: Disconnect): void {
    if (this.#state === "closed") return;
    const dropped = this.#leave("closed", disconnect);
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#delivery.end(error);
    this.#emitter.emit("close", error);
    Promise.resolve(dropped).then(this.#resolveClosed);
  }

  /** `disconnect` describes the connection that ended, if one did; its listeners see the new state. */
  #setState(state: ClientState, disconnect?: Disconnect): void {
    if (this.#state === state) return;
    this.#state = state;
    if (disconnect !== undefined) {
      this.#log({ event: "disconnect", ...disconnect });
      this.#emitter.emit("disconnect", disconnect);
    }
    // A listener may have closed the client, or made it reconnect.
    if (this.#state !== state) return;
    this.#log({ event: "state", state });
    this.#emitter.emit("state", state);
  }

  #log(event: LogEvent): void {
    this.#emitter.emit("log", { at: this.#options.clock.now(), ...event });
  }

  #emitError(error: Error): void {
    if (!this.#emitter.emit("error", error)) warn(error);
  }
}
