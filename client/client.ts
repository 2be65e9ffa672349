/**
 * The client: one session over as many connections as it takes. It decides when to connect, with which token
 * and from where, and hands messages to the app, each once and in order.
 *
 * What passes on one connection is the work of `connection.ts`.
 *
 * @module
 */

import { CloseCode, closeInfo, closeName } from "../gateway/protocol/codes.ts";
import type { MessageFrame, Ready } from "../gateway/protocol/frame_types.ts";
import { backoffMs } from "./backoff.ts";
import { Connection, type ConnectionDeps, type End } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { GatewayError } from "./error.ts";
import { neverOpened } from "./never_opened.ts";
import { resolveOptions } from "./options.ts";
import { MessageQueue } from "./queue.ts";
import { toError } from "./realm.ts";
import { RecentIds } from "./recent_ids.ts";
import { Refusals } from "./refusals.ts";
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
  ReadySession,
} from "./types.ts";

/** How long {@linkcode GatewayClient.close} waits for the gateway's answer. */
const CLOSE_GRACE_MS = 1000;
/** So many attempts that open no socket look like a fault that does not heal, if none ever opened one. */
const UNOPENED_TOLD = 3;
/** A session that ends sooner has not got over what ended the one before. */
const STABLE_MS = 10_000;

/**
 * A client of the gateway. It begins to connect at once, and goes on until it is closed.
 *
 * Messages are read in a loop, or heard with `on("message", …)`, or both. What a loop has not taken yet is
 * queued, also before there is a loop; where there are listeners and no loop, nothing is. If the queue is full, because the app does not read,
 * the client disconnects, and resumes once half of it is read: nothing is lost for as long as the gateway
 * keeps messages, and memory is bounded. Loops on the same client share: each message goes to one of them.
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
  /** Resolves once the client is over, whoever ended it. It never rejects. */
  readonly closed: Promise<void>;
  readonly #deps: ConnectionDeps;
  readonly #random: () => number;
  readonly #maxQueued: number;
  readonly #emitter = new Emitter<ClientEvents>();
  readonly #queue = new MessageQueue({
    taken: () => this.#taken(),
    left: () => this.#flush(),
  });
  readonly #recent = new RecentIds();
  readonly #tokens: Tokens;
  readonly #gone: () => void;
  /** Stop what the client hears of the platform and the app. */
  readonly #stops: readonly (() => void)[];
  #state: ClientState = "connecting";
  #connection: Connection | undefined;
  #retry: ClientTimer | undefined;
  /** Attempts in a row that came to nothing. */
  #failures = 0;
  /** When the session became ready, in steady milliseconds. */
  #readyAt = 0;
  readonly #refusals = new Refusals();
  /** Attempts that opened no socket; `undefined` once one was open. */
  #unopened: number | undefined = 0;
  /** The id of the last message that came, or the position at which the session began. */
  #receivedId: string | undefined;
  #user: string | undefined;
  #roundTripMs: number | undefined;

  /**
   * Begins to connect.
   *
   * @throws {TypeError} for options that can never work; what may heal is told as `error` instead
   */
  constructor(options: GatewayClientOptions) {
    const { getToken, signal, random, maxQueuedMessages, ...parts } = resolveOptions(options);
    this.#maxQueued = maxQueuedMessages;
    this.#random = random;
    this.#receivedId = options.lastId;
    this.#deps = parts;
    this.#tokens = new Tokens({
      clock: parts.clock,
      random,
      getToken,
      needed: () => this.#connection !== undefined,
      obtained: () => this.#tokenObtained(),
      loggedOut: () => this.#finish(undefined),
      failed: (error) => this.#tokenFailed(error),
    });
    let gone = (): void => {};
    this.closed = new Promise((resolve) => gone = resolve);
    this.#gone = gone;
    const abort = (): void => void this.close();
    signal?.addEventListener("abort", abort);
    this.#stops = [
      () => signal?.removeEventListener("abort", abort),
      // Without a network there is no sense in trying, but in finding out; one on the same machine may go on.
      onWake(({ isOffline }) => isOffline ? this.#connection?.check() : this.check()),
      onSlept(parts.clock, () => this.check()),
    ];
    if (signal?.aborted) abort();
    // What the app calls at once, and what `getToken` makes of this client, comes first. Fake timers have a
    // `queueMicrotask` that does nothing by itself.
    else void Promise.resolve().then(() => this.#connect());
  }

  /** What it is at. */
  get state(): ClientState {
    return this.#state;
  }

  /** Who it is for the gateway; `undefined` before the first Ready. */
  get user(): string | undefined {
    return this.#user;
  }

  /** How long the last answer to a heartbeat took, in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /**
   * Where another client would have to take up: at the last message that the app was given, or where the
   * session began. For the option `lastId` of the next one, after a restart of the app.
   */
  get lastId(): string | undefined {
    const { first } = this.#queue;
    return first === undefined ? this.#receivedId : first.before;
  }

  /**
   * Calls `listener` for every event of this type; returns how to stop. An exception of a listener is
   * reported as an uncaught error, and disturbs nothing else.
   *
   * @example Show how it is going
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
    return stop;
  }

  /**
   * Something may have changed, such as the network or the device's sleep: tries at once if the client waits
   * for its next attempt, else asks the gateway whether it is still there. In browsers this happens by
   * itself, when the network is gone or back and when the page is used again.
   */
  check(): void {
    if (this.#state === "waiting") this.#connect();
    else this.#connection?.check();
  }

  /**
   * Ends it: loops finish, once they have taken what is queued, and nothing is tried any more. Resolves when
   * the gateway has answered, or after a second.
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
   * The messages from here on, those that are queued first. The loop ends when the app closes the client, and
   * throws the {@linkcode GatewayError} when the gateway ends it for good. Leaving the loop closes nothing. Who
   * calls `next()` by hand leaves with `return()`: until then messages are queued for that loop.
   */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> & AsyncIterable<Message> {
    return this.#queue.iterate();
  }

  #connect(): void {
    if (this.#state === "closed") return;
    this.#retry?.cancel();
    this.#become("connecting");
    if (this.#state === "connecting" && this.#tokens.take() !== undefined) this.#open();
  }

  #open(): void {
    try {
      const connection: Connection = new Connection(this.#deps, {
        opened: () => {
          this.#unopened = undefined;
          this.#identify(connection);
        },
        ready: (frame) => this.#ready(frame),
        message: (frame) => this.#message(frame),
        roundTrip: (ms) => {
          this.#roundTripMs = ms;
          this.#emitter.emit("roundtrip", ms);
        },
        ended: (end) => this.#ended(end),
      });
      this.#connection = connection;
    } catch (error) {
      // A page's policy may forbid it, for instance.
      this.#tell(toError(error));
      if (this.#state === "connecting") this.#wait();
    }
  }

  #identify(connection: Connection): void {
    const token = this.#tokens.current;
    // A renewal has nothing to take up: its session goes on.
    if (token !== undefined) {
      connection.identify(token, connection.isReady ? undefined : this.#receivedId);
    }
  }

  #tokenObtained(): void {
    if (this.#connection?.isOpen) this.#identify(this.#connection);
    else if (this.#connection === undefined && this.#state === "connecting") this.#open();
  }

  #tokenFailed(error: Error): void {
    this.#tell(error);
    if (this.#connection === undefined && this.#state === "connecting") this.#wait();
  }

  #ready({ user, last_id: lastId, resumed }: Ready): void {
    const isRenewal = this.#state === "ready";
    this.#user = user;
    this.#receivedId = lastId;
    if (isRenewal) return;
    this.#refusals.reset();
    this.#readyAt = this.#deps.clock.steady();
    this.#become("ready");
    this.#tellSession({ user, lastId, ...(resumed === undefined ? {} : { resumed }) });
  }

  /** Unless a listener has closed the client meanwhile. */
  #tellSession(session: ReadySession): void {
    if (this.#state === "ready") this.#emitter.emit("ready", session);
    if (this.#state === "ready" && session.resumed === false) {
      this.#emitter.emit("gap", { lastId: session.lastId });
    }
  }

  #message({ id, channel, author, content, time }: MessageFrame): void {
    if (!this.#recent.add(id)) return;
    const message = { id, ...(channel === undefined ? {} : { channel }), author, content, time };
    const before = this.#receivedId;
    this.#receivedId = id;
    const heard = this.#emitter.has("message");
    if (heard) this.#emitter.emit("message", message);
    if (heard && this.#queue.loops === 0) return;
    this.#queue.push({ message, before, heard });
    if (this.#queue.length >= this.#maxQueued && this.#connection !== undefined) this.#pause();
  }

  /** Only a closed connection keeps a gateway from sending. */
  #pause(): void {
    void this.#connection?.drop("the app does not read");
    this.#connection = undefined;
    this.#become("paused");
  }

  /** After the first delay, so that an app that is only a little too slow does not connect all the time. */
  #taken(): void {
    if (this.#state !== "paused" || this.#queue.length > this.#maxQueued / 2) return;
    this.#failures = 0;
    this.#wait();
  }

  /** Gives what is queued to listeners, if there is no loop that will take it. */
  #flush(): void {
    while (this.#queue.loops === 0 && this.#emitter.has("message")) {
      const entry = this.#queue.shift();
      if (entry === undefined) return;
      if (!entry.heard) this.#emitter.emit("message", entry.message);
    }
  }

  #ended({ code, reason }: End): void {
    this.#connection = undefined;
    const wasReady = this.#state === "ready";
    if (wasReady && (code === CloseCode.ServiceRestart.code || this.#hasLasted())) {
      this.#failures = 0;
    }
    let reconnect = closeInfo(code)?.reconnect ?? true;
    // It would be closed for the same bug in no time; see docs/protocol.md, "Rate limit".
    if (code === CloseCode.RateLimited.code) this.#failures = Infinity;
    if (code === CloseCode.IdentifyFailed.code) {
      this.#tokens.refused();
      // The gateway is there, whatever failed before: only refusals make the delay longer.
      if (!wasReady) this.#failures = this.#refusals.add(this.#deps.clock.steady());
      reconnect = !this.#refusals.isFinal;
    }
    const disconnect = { code, name: closeName(code), reason };
    if (reconnect) this.#wait(disconnect);
    else this.#finish(new GatewayError(code, reason), disconnect);
    this.#countUnopened(reason);
  }

  /** Browsers do not say why a socket does not open: says once what there is to check. */
  #countUnopened(reason: string): void {
    if (this.#unopened === undefined || ++this.#unopened !== UNOPENED_TOLD) return;
    if (this.#state !== "closed") this.#tell(neverOpened(this.#deps.url, reason));
  }

  /** Whether the session that ended was one, and no failure after Ready. */
  #hasLasted(): boolean {
    return this.#deps.clock.steady() - this.#readyAt >= STABLE_MS;
  }

  /** Waits before the next attempt; tells of what made it, if it was a connection that ended. */
  #wait(disconnect?: Disconnect): void {
    const retryInMs = backoffMs(this.#failures, this.#random);
    this.#failures += 1;
    const retry = this.#deps.clock.setTimer(retryInMs, () => this.#connect());
    this.#retry = retry;
    this.#state = "waiting";
    if (disconnect !== undefined) this.#emitter.emit("disconnect", { ...disconnect, retryInMs });
    // Unless a listener has closed the client meanwhile, or made it try again.
    if (this.#state === "waiting" && this.#retry === retry) this.#emitter.emit("state", "waiting");
  }

  #finish(error: GatewayError | undefined, disconnect?: Disconnect): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#retry?.cancel();
    this.#tokens.stop();
    for (const stop of this.#stops) stop();
    const dropped = this.#connection?.drop("the app closed it", CLOSE_GRACE_MS);
    this.#connection = undefined;
    if (disconnect !== undefined) this.#emitter.emit("disconnect", disconnect);
    this.#emitter.emit("state", "closed");
    this.#queue.end(error);
    this.#emitter.emit("close", error);
    Promise.resolve(dropped).then(this.#gone);
  }

  #become(state: ClientState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#emitter.emit("state", state);
  }

  #tell(error: Error): void {
    if (this.#emitter.has("error")) this.#emitter.emit("error", error);
    else warn(error);
  }
}
