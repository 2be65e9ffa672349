/**
 * Runs the production gateway and the mock issuer on virtual time and on a network with faults, in the
 * process of the client under test or behind the port of the test server. It opens no port itself.
 *
 * @module
 */

import { DEFAULTS } from "../../gateway/config/parse.ts";
import { admissionOptions, sessionOptions } from "../../gateway/config/session_options.ts";
import { LoginSchema } from "../../gateway/http/schemas.ts";
import type { Draft, Exchange, Json, Message, Socket } from "../../gateway/ports.ts";
import { readBody } from "../../gateway/runtime/request_body.ts";
import {
  createInstance,
  type ExternalPeers,
  type Instance,
  type InstanceDeps,
} from "./instance.ts";
import { type LoadedRecording, Player } from "../replay/player.ts";
import { asTranscript, type Recording } from "../replay/recording.ts";
import { FakeIds } from "../doubles/ids.ts";
import { type LoginAnswer, type LoginRequest, MockIssuer, type TokenOptions } from "../issuer.ts";
import {
  checked,
  checkedDrafts,
  CloseSchema,
  FaultsSchema,
  jsonOf,
  OptionsSchema,
  ResetSchema,
  SendSchema,
  TargetSchema,
  TokenSchema,
  withoutUndefined,
} from "./input.ts";
import type { FaultRules } from "./fault_rules.ts";
import type { Faults } from "./faults.ts";
import type { Link } from "./link.ts";
import { IN_PROCESS_ADDRESS, Links, type Target } from "./links.ts";
import { FakeLogger } from "../doubles/logger.ts";
import { fakeTimers } from "./fake_timers.ts";
import { PendingTasks } from "./pending_tasks.ts";
import { refusable, refused } from "./refusable.ts";
import type { RuleEvent } from "./rule.ts";
import { DeliveredSchema } from "./schemas.ts";
import { Transcript, type TranscriptEntry } from "./transcript.ts";
import type { Affected, MockConnection, MockGatewayOptions } from "./types.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { createWebSocketClass, type WebSocketConstructor } from "./web_socket.ts";

/**
 * The gateway in the process of a test. Every method resolves once all of its consequences have happened.
 *
 * @example Test what a client does when the network goes away
 * ```ts
 * import assert from "node:assert/strict";
 * import { GatewayClient } from "@emagine/gateway/client";
 * import { createMockGateway } from "@emagine/gateway/mock";
 *
 * await using gateway = await createMockGateway({ connection: { heartbeatIntervalMs: 30_000 } });
 * await using client = new GatewayClient({
 *   url: gateway.wsUrl,
 *   WebSocket: gateway.WebSocket,
 *   clock: gateway.clock,
 *   getToken: () => gateway.token({ user: "alice" }),
 * });
 * await gateway.settled();
 * assert.equal(client.state, "ready");
 *
 * const reasons: string[] = [];
 * client.on("disconnect", ({ reason }) => reasons.push(reason));
 * await gateway.freeze();
 * await gateway.advance(61_000); // A heartbeat, the time for its ACK, and a reconnect.
 * assert.deepEqual(reasons, ["no answer to a heartbeat within 30000 ms"]);
 * assert.equal(client.state, "ready");
 * ```
 */
export class MockGateway implements AsyncDisposable {
  /** The clock of the gateway and the issuer; give it to the client under test, too. */
  readonly clock: VirtualClock;
  /** Signs valid and invalid tokens. */
  readonly issuer: MockIssuer;
  /** A standard `WebSocket` class that connects to this gateway only. */
  readonly WebSocket: WebSocketConstructor;
  /** The base URL for {@linkcode fetch}. */
  readonly url = "http://mock.emagine.invalid";
  /** The URL for {@linkcode WebSocket}. */
  readonly wsUrl = "ws://mock.emagine.invalid/gateway";

  readonly #deps: InstanceDeps;
  readonly #transcript: Transcript;
  #instance: Instance;
  #player: Player | undefined;
  #resets = 0;

  private constructor(clock: VirtualClock, transcript: Transcript, deps: InstanceDeps) {
    // In JavaScript, it is not private.
    if (deps === undefined) throw new TypeError("MockGateway: expected await createMockGateway()");
    this.clock = clock;
    this.issuer = deps.issuer;
    this.#deps = deps;
    this.#transcript = transcript;
    this.#instance = createInstance(deps);
    this.WebSocket = createWebSocketClass({
      connect: (url) => this.#dial(url),
      post: (task) => deps.tasks.postAfter(clock.arrival, task),
    });
  }

  /** Makes a gateway without connections. @param external for clients in other processes */
  static async create(
    options: MockGatewayOptions = {},
    external?: ExternalPeers,
  ): Promise<MockGateway> {
    checked("createMockGateway()", OptionsSchema, options);
    const { startMs = fakeTimers()?.now, logger = new FakeLogger() } = options;
    const tasks = new PendingTasks();
    const clock: VirtualClock = new VirtualClock({
      startMs,
      pending: () => tasks.pending(),
      answered: async () =>
        await external?.answered(links) || (await external?.rested?.() ?? false),
      following: (isMoving) => links.holdReceived(isMoving),
      follower: fakeTimers,
    });
    const transcript = new Transcript(clock);
    const connection = { ...sessionOptions(), ...options.connection };
    const links: Links = new Links({ clock, transcript, ...connection });
    const issuer = await MockIssuer.create({
      clock,
      ids: new FakeIds("key"),
      track: (promise) => tasks.track(promise),
    });
    return new MockGateway(clock, transcript, {
      ...{ clock, issuer, tasks, links, logger, external, connection },
      epochs: new FakeIds("mock"),
      limits: {
        ...admissionOptions(),
        // A suite of tests connects as often as it likes.
        connectRatePerIp: 1e9,
        connectBurstPerIp: 1e9,
        ...options.limits,
      },
      retentionMs: options.retentionMs ?? DEFAULTS.retentionHours * 3_600_000,
      maxMessageBytes: options.maxMessageBytes ?? DEFAULTS.maxMessageBytes,
      publishKey: options.publishKey ?? "dev",
    });
  }

  /**
   * Advances time by `ms`, and waits until everything that follows has happened. Fake timers of vitest, jest and
   * sinon that are on move in step.
   */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Waits until all consequences have happened, without advancing time. */
  settled(): Promise<void> {
    return this.advance(0);
  }

  /** The open connections, oldest first. */
  get connections(): readonly MockConnection[] {
    const connections = new Map(
      [...this.#instance.gateway.connections].map((connection) => [connection.id, connection]),
    );
    return this.#deps.links.open.flatMap(({ id, faults, frozen }) => {
      const connection = connections.get(id);
      if (connection === undefined) return [];
      const { address, phase, user } = connection;
      return [{ id, address, phase, user, faults, frozen }];
    });
  }

  /** Frames and events of all connections since the last reset, oldest first. */
  get transcript(): readonly TranscriptEntry[] {
    return this.#transcript.entries;
  }

  /** Single faults as data: add rules, look at them, remove them. A reset removes all. */
  get rules(): FaultRules {
    return this.#deps.links.rules;
  }

  /** How often it was reset. */
  get resets(): number {
    return this.#resets;
  }

  /** The recording that is played, unless there was a reset since. */
  get loaded(): LoadedRecording | undefined {
    return this.#player;
  }

  /** Publishes as the backend does, and waits until every client has received its messages. */
  async publish(...drafts: readonly Draft[]): Promise<readonly Message[]> {
    const messages = await this.#instance.log.publish(this.#checked("publish()", drafts));
    await this.settled();
    return messages;
  }

  /** Sends signals as the backend does, and waits until every client has received them. */
  async signal(...drafts: readonly Draft[]): Promise<void> {
    const time = this.clock.now();
    const signals = this.#checked("signal()", drafts).map((draft) => ({ ...draft, time }));
    this.#instance.gateway.signal(signals);
    await this.settled();
  }

  /** Tells that the client of `user` gave these messages to its app, for {@linkcode runChaos} to judge. */
  delivered(user: string, ids: readonly string[]): void {
    checked("delivered()", DeliveredSchema, { user, ids });
    for (const id of ids) this.#transcript.add("", { event: "delivered", user, id });
  }

  /** Logs a user in, as `POST /login` does; `undefined` if the password is `wrong`. */
  async login(request: LoginRequest): Promise<LoginAnswer | undefined> {
    return await this.issuer.login(checked("login()", LoginSchema, request));
  }

  /** Signs a token, valid or with a fault. */
  async token(request: TokenOptions = {}): Promise<string> {
    const claims = withoutUndefined(checked("token()", TokenSchema, request));
    // A client whose clock is ahead gets a token of its time.
    await this.clock.arrival;
    return await this.issuer.token(claims);
  }

  /** Replaces the global `fetch`: serves every route of the gateway without a port. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response> = async (
    input,
    { signal, ...init } = {},
  ) => {
    signal?.throwIfAborted();
    // Without the signal, whose class can be one of jsdom or happy-dom, which Request refuses.
    const request = new Request(input instanceof Request ? input : new URL(input, this.url), init);
    const response = this.handle(request, this.#exchange(request));
    return await this.#deps.tasks.track(
      signal ? Promise.race([response, aborted(signal)]) : response,
    );
  };

  /** Answers a request of a transport. */
  async handle(request: Request, exchange: Exchange): Promise<Response> {
    // A client whose clock is ahead is answered when this gateway has caught up.
    await this.clock.arrival;
    const on = refusable(request);
    const status = on && this.#refusal(on);
    if (status !== undefined) return refused(status);
    return await this.#instance.handle(request, exchange);
  }

  /**
   * Terminates connections without a close frame. `"unsupported"` if this runtime cannot.
   */
  async drop(target: Target = "all"): Promise<Affected | "unsupported"> {
    checked("drop()", TargetSchema, target);
    await this.settled();
    const links = this.#deps.links.select(target);
    if (links === undefined) return "unknown";
    if (links.some((link) => !link.drop())) return "unsupported";
    return await this.#affected(links);
  }

  /** Makes connections half-open: no bytes pass any more, and neither side notices. */
  async freeze(target: Target = "all"): Promise<Affected> {
    checked("freeze()", TargetSchema, target);
    return await this.#each(target, (link) => link.freeze());
  }

  /** Closes connections with `code`. */
  async close(
    target: Target,
    frame: { readonly code: number; readonly reason?: string },
  ): Promise<Affected> {
    checked("close()", TargetSchema, target);
    const { code, reason } = checked("close()", CloseSchema, frame ?? {});
    return await this.#each(target, (link) => link.forceClose(code, reason));
  }

  /** Sends a text, or a frame as JSON, past the session. */
  async send(
    target: Target,
    frame: { readonly text: string } | { readonly json: Json },
  ): Promise<Affected> {
    checked("send()", TargetSchema, target);
    const sent = checked("send()", SendSchema, jsonOf(frame));
    const text = "text" in sent ? sent.text : JSON.stringify(sent.json);
    return await this.#each(target, (link) => link.sendRaw(text));
  }

  /** Sets faults; those left out stay as they are. `all` includes future connections. */
  async setFaults(target: Target, faults: Partial<Faults>): Promise<Affected> {
    checked("setFaults()", TargetSchema, target);
    const given = withoutUndefined(checked("setFaults()", FaultsSchema, faults ?? {}));
    await this.clock.settled();
    const links = this.#deps.links.setFaults(target, given);
    return links === undefined ? "unknown" : await this.#affected(links);
  }

  /**
   * Ends all connections, empties log and transcript, and sets the clock to its start, or to `startMs`.
   * The issuer's keys stay, so tokens that are valid at that time stay valid.
   */
  async reset(options: { readonly startMs?: number | undefined } = {}): Promise<void> {
    await this.#restart(checked("reset()", ResetSchema, options).startMs);
  }

  /**
   * Resets, and plays a recording to clients until the next reset. Time starts at that of the recording. For the
   * test server; in process, see {@linkcode Replay}.
   */
  async replay(recording: Recording): Promise<LoadedRecording> {
    const entries = asTranscript(recording);
    const { links, connection } = this.#deps;
    const [clock, transcript] = [this.clock, this.#transcript];
    const player = new Player(entries, { clock, links, transcript, ...connection });
    await this.#restart(entries[0]?.at, player);
    return player;
  }

  async #restart(startMs: number | undefined, player?: Player): Promise<void> {
    await this.clock.exclusive(async () => {
      await this.clock.settled();
      this.#deps.links.reset();
      await this.clock.settled();
      this.#transcript.clear();
      this.clock.reset(startMs);
      this.#resets += 1;
      this.#player = player;
      this.#instance = createInstance(this.#deps, player);
    });
  }

  /** Ends every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset();
  }

  #checked(call: string, drafts: readonly Draft[]): readonly Draft[] {
    return checkedDrafts(call, drafts, this.#deps.maxMessageBytes);
  }

  /** Calls `act` once all that was sent before has arrived. */
  async #each(target: Target, act: (link: Link) => void): Promise<Affected> {
    await this.clock.settled();
    const links = this.#deps.links.select(target);
    if (links === undefined) return "unknown";
    links.forEach(act);
    return await this.#affected(links);
  }

  async #affected(links: readonly { readonly id: string }[]): Promise<readonly string[]> {
    const ids = links.map(({ id }) => id);
    await this.settled();
    return ids;
  }

  /** Stands for the transport of a request made by {@linkcode fetch}. */
  #exchange(request: Request): Exchange {
    return {
      address: IN_PROCESS_ADDRESS,
      readBody: (limits) => readBody(request, this.clock, limits),
      upgrade: () => "This gateway has no port: connect by its own WebSocket class.",
    };
  }

  /** The status with which a rule refuses a handshake or a publish. */
  #refusal(on: RuleEvent): number | undefined {
    return this.rules.apply({ on }).map(({ action }) =>
      action.type === "refuse" ? action.status ?? 503 : undefined
    )[0];
  }

  #dial(url: URL): { accept(socket: Socket): unknown } | undefined {
    if (this.#refusal("handshake") !== undefined) return undefined;
    const pending = url.pathname === "/gateway"
      ? this.#instance.connect(IN_PROCESS_ADDRESS)
      : undefined;
    return typeof pending === "object" ? pending : undefined;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Makes a gateway in this process. Dispose of it by `await using`. */
export function createMockGateway(options: MockGatewayOptions = {}): Promise<MockGateway> {
  return MockGateway.create(options);
}
