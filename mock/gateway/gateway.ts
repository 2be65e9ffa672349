/**
 * The production gateway with the mock issuer, on virtual time and on a network with faults: in one
 * process with the client under test, or behind the port of the test server.
 *
 * It puts together and steers; the protocol is the gateway's. It opens no port.
 *
 * @module
 */

import type { AdmissionOptions } from "../../gateway/admission.ts";
import type { ConnectionOptions } from "../../gateway/session/connection_context.ts";
import type { PendingConnection } from "../../gateway/gateway.ts";
import { DEFAULTS } from "../../gateway/config/parse.ts";
import { admissionOptions, sessionOptions } from "../../gateway/config/session_options.ts";
import type { Draft, Exchange, Json, Logger, Message } from "../../gateway/ports.ts";
import type { Phase } from "../../gateway/protocol/mod.ts";
import { readBody } from "../../gateway/runtime/request_body.ts";
import {
  createInstance,
  type ExternalPeers,
  type Instance,
  type InstanceDeps,
} from "./instance.ts";
import { FakeIds } from "../doubles/ids.ts";
import { type LoginAnswer, type LoginRequest, MockIssuer, type TokenOptions } from "../issuer.ts";
import type { Faults, Link } from "./link.ts";
import { Links, type Target } from "./links.ts";
import { FakeLogger } from "../doubles/logger.ts";
import { Transcript, type TranscriptEntry } from "./transcript.ts";
import { VirtualClock } from "./virtual_clock.ts";
import { createWebSocketClass, type WebSocketConstructor } from "./web_socket.ts";
import { PendingTasks } from "./work.ts";

/** How a {@linkcode MockGateway} is made. Everything has a default: that of the gateway's options. */
export interface MockGatewayOptions {
  /** Unix milliseconds at which time begins; 1,700,000,000,000 unless told. */
  readonly startMs?: number;
  /** Numbers of the protocol, such as `heartbeatIntervalMs`. */
  readonly connection?: Partial<ConnectionOptions>;
  /** How many connections there may be. */
  readonly limits?: Partial<AdmissionOptions>;
  /** How long messages are kept, in milliseconds. */
  readonly retentionMs?: number;
  /** Longest message that may be published, in bytes of its JSON. */
  readonly maxMessageBytes?: number;
  /** The key of the backend's routes; `dev` unless told. */
  readonly publishKey?: string;
  /** Where the gateway logs; nowhere unless told. */
  readonly logger?: Logger;
}

/** One open connection. */
export interface MockConnection {
  /** `c1`, `c2`… in the order in which they opened. */
  readonly id: string;
  /** Where it comes from. */
  readonly address: string;
  /** What its session is at. */
  readonly phase: Phase;
  /** The user of a ready session. */
  readonly user: string | undefined;
  /** What goes wrong on it. */
  readonly faults: Faults;
  /** Whether it is half-open: nothing passes any more. */
  readonly frozen: boolean;
}

/** The names of the connections that were meant, or `"unknown"` when there is none of that name. */
export type Affected = readonly string[] | "unknown";

/** A user's address in the ranges for documentation (RFC 5737). */
const ADDRESS = "192.0.2.1";

/** A gateway under control. */
export class MockGateway implements AsyncDisposable {
  /** The one clock of the gateway, the issuer and, if it takes one, the client under test. */
  readonly clock: VirtualClock;
  /** Makes tokens, good and bad. */
  readonly issuer: MockIssuer;
  /** The standard `WebSocket`, connected to this gateway and to nothing else. */
  readonly WebSocket: WebSocketConstructor;
  /** Where `fetch` is served. */
  readonly url = "http://mock.emagine.invalid";
  /** Where `WebSocket` connects. */
  readonly wsUrl = "ws://mock.emagine.invalid/gateway";

  readonly #deps: InstanceDeps;
  readonly #transcript: Transcript;
  #instance: Instance;

  private constructor(clock: VirtualClock, transcript: Transcript, parts: InstanceDeps) {
    this.clock = clock;
    this.issuer = parts.issuer;
    this.#deps = parts;
    this.#transcript = transcript;
    this.#instance = createInstance(parts);
    this.WebSocket = createWebSocketClass({
      connect: (url) => this.#dial(url),
      post: (task) => parts.work.post(task),
    });
  }

  /** Makes a gateway to which nobody is connected; with `outside`, for peers in other processes. */
  static async create(
    options: MockGatewayOptions = {},
    outside?: ExternalPeers,
  ): Promise<MockGateway> {
    const { startMs, logger = new FakeLogger() } = options;
    const work = new PendingTasks();
    const clock: VirtualClock = new VirtualClock({
      startMs,
      pending: () => work.pending(),
      answered: () => outside?.answered(links) ?? Promise.resolve(false),
    });
    const transcript = new Transcript(clock);
    const connection = { ...sessionOptions(), ...options.connection };
    const links: Links = new Links({ clock, transcript, ...connection });
    const issuer = await MockIssuer.create({ clock, ids: new FakeIds("key") });
    const makeToken = issuer.token.bind(issuer);
    // Signing is real cryptography, which time has to wait for.
    issuer.token = (request) => work.track(makeToken(request));
    return new MockGateway(clock, transcript, {
      ...{ clock, issuer, work, links, logger, outside, connection },
      // Each era has another log, whose ids are not taken for those of the one before.
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

  /** Moves time on by `ms`, and waits until everything that follows has happened. */
  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Waits until everything that follows from what happened so far has happened; time stands still. */
  settled(): Promise<void> {
    return this.advance(0);
  }

  /** The open connections, in the order in which they opened. */
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

  /** What was sent and received so far, and when. */
  get transcript(): readonly TranscriptEntry[] {
    return this.#transcript.entries;
  }

  /** Publishes, as the backend does, and waits until everybody has what is theirs. */
  async publish(...drafts: readonly Draft[]): Promise<readonly Message[]> {
    const messages = await this.#instance.log.publish(drafts);
    await this.clock.settled();
    return messages;
  }

  /** Logs `user` in, as `POST /login` does; `undefined` when the password is `wrong`. */
  login(request: LoginRequest): Promise<LoginAnswer | undefined> {
    return this.issuer.login(request);
  }

  /** A token, good or with a fault. */
  token(request: TokenOptions = {}): Promise<string> {
    return this.issuer.token(request);
  }

  /** Stands in for the global `fetch`: every route of the gateway, with no port. */
  readonly fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input instanceof Request ? input : new URL(input, this.url), init);
    return this.#deps.work.track(Promise.resolve(this.handle(request, this.#exchange(request))));
  };

  /** Answers a request that came by a transport. */
  handle(request: Request, exchange: Exchange): Response | Promise<Response> {
    return this.#instance.handle(request, exchange);
  }

  /**
   * Ends connections without a close frame. Returns their names, `"unknown"` when there is no such
   * connection, `"unsupported"` when this runtime cannot end one.
   */
  async drop(target: Target = "all"): Promise<Affected | "unsupported"> {
    await this.settled();
    const links = this.#deps.links.select(target);
    if (links === undefined) return "unknown";
    if (links.some((link) => !link.drop())) return "unsupported";
    return await this.#affected(links);
  }

  /** Makes connections half-open: nothing passes any more, and neither side is told. */
  freeze(target: Target = "all"): Promise<Affected> {
    return this.#each(target, (link) => link.freeze());
  }

  /** Closes connections with this code. */
  close(
    target: Target,
    { code, reason = "" }: { readonly code: number; readonly reason?: string },
  ): Promise<Affected> {
    return this.#each(target, (link) => link.forceClose(code, reason));
  }

  /** Sends a text, or a frame as JSON, that the session knows nothing of. */
  send(
    target: Target,
    frame: { readonly text: string } | { readonly json: Json },
  ): Promise<Affected> {
    const text = "text" in frame ? frame.text : JSON.stringify(frame.json);
    return this.#each(target, (link) => link.sendRaw(text));
  }

  /** Sets what goes wrong; what is left out stays. For `all`, also on connections still to come. */
  async setFaults(target: Target, faults: Partial<Faults>): Promise<Affected> {
    await this.clock.settled();
    const links = this.#deps.links.setFaults(target, faults);
    return links === undefined ? "unknown" : await this.#affected(links);
  }

  /**
   * Back to the beginning: no connections, an empty log, an empty transcript, the clock at its start (or
   * at `startMs`). The issuer's keys stay, and with them tokens that are valid then.
   */
  async reset({ startMs }: { readonly startMs?: number | undefined } = {}): Promise<void> {
    await this.clock.exclusive(async () => {
      await this.clock.settled();
      this.#deps.links.reset();
      await this.clock.settled();
      this.#transcript.clear();
      this.clock.reset(startMs);
      this.#instance = createInstance(this.#deps);
    });
  }

  /** Ends every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset();
  }

  /** What was sent before has arrived when `act` is called, and what it does when this resolves. */
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

  /** That of a request that came by no transport. */
  #exchange(request: Request): Exchange {
    return {
      address: ADDRESS,
      readBody: (limits) => readBody(request, this.clock, limits),
      upgrade: () => "This gateway has no port: connect by its own WebSocket class.",
    };
  }

  #dial(url: URL): PendingConnection | undefined {
    const entry = url.pathname === "/gateway" ? this.#instance.gateway.connect(ADDRESS) : undefined;
    return typeof entry === "object" ? entry : undefined;
  }
}

/** Makes a gateway in this process, to be used with `await using`. */
export function createMockGateway(options: MockGatewayOptions = {}): Promise<MockGateway> {
  return MockGateway.create(options);
}
