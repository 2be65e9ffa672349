/**
 * A gateway and one process of the client, for one check: starts the client, waits for what it does, advances
 * virtual time, closes and drops connections.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { admissionOptions } from "../gateway/config/session_options.ts";
import { invalidHost } from "../gateway/http/problem.ts";
import type { Clock, Draft, Exchange, Json, Timer } from "../gateway/ports.ts";
import { Op } from "../gateway/protocol/mod.ts";
import { listenWithNode } from "../gateway/runtime/node_transport.ts";
import type { Listener } from "../gateway/runtime/transport.ts";
import { delay, Waiters } from "../gateway/util.ts";
import { MockGateway } from "../mock/gateway/gateway.ts";
import { RealTime } from "../mock/server/real_time.ts";
import { ReplyWait } from "../mock/server/reply_wait.ts";
import { App } from "./app.ts";
import type { Frame } from "./frame.ts";
import { Output } from "./output.ts";
import type { ClientProcess, Spawn } from "./process.ts";
import { Failed, Skipped } from "./outcome.ts";
import { MAX_FRAME_BYTES, type Setting } from "./setting.ts";
import { type Connection, Wire } from "./wire.ts";

/** A value of `GATEWAY_USER`. */
const USER = "alice";
/** Real time in which a client starts, or does what takes no time. */
const LIMIT_MS = 15_000;
/** Real time that a client has to answer while virtual time is advanced. */
const ANSWER_MS = 5000;
/** For a client that prints nothing: real time in which it surely has read a frame. */
const READ_MS = 300;
/** The same for the line of its first session. */
const FIRST_LINE_MS = 2000;
const CHATTER_MS = 2000;
const MAX_HEADER_BYTES = 64 * 1024;
/** The reason of the closes that a check wants. */
const CERTIFY = "certify";

export interface StageDeps {
  /** Real time. */
  readonly clock: Clock;
  readonly spawn: Spawn;
}

export interface IssuedToken {
  readonly token: string;
  readonly atMs: number;
}

export class Stage {
  readonly app = new App();
  readonly wire: Wire;
  /** The tokens of the client's logins. */
  readonly logins: IssuedToken[] = [];
  readonly output = new Output();
  /** The ids of checks: if the client fails one of them, it may fail this check for the same reason. */
  readonly needed = new Set<"close-1012" | "close-dropped" | "resume-message">();
  /** While set, handshakes are refused with this status, or closed at once with this code. */
  refuse: { readonly status: number } | { readonly code: number } | undefined;

  readonly #deps: StageDeps;
  readonly #setting: Setting;
  readonly #gateway: MockGateway;
  readonly #replyWait: ReplyWait;
  readonly #time: RealTime;
  readonly #waiting = new Waiters();
  #listener: Listener | undefined;
  #client: ClientProcess | undefined;
  #exitCode: number | undefined;
  /** True once the client has printed nothing for long enough. */
  #silent = false;
  #chatter: Timer | undefined;

  private constructor(
    { deps, setting, gateway, replyWait, time }: {
      readonly deps: StageDeps;
      readonly setting: Setting;
      readonly gateway: MockGateway;
      readonly replyWait: ReplyWait;
      readonly time: RealTime;
    },
  ) {
    this.#deps = deps;
    this.#setting = setting;
    this.#gateway = gateway;
    this.#replyWait = replyWait;
    this.#time = time;
    this.wire = new Wire(deps.clock, () => this.#waiting.releaseAll());
  }

  /** Starts a gateway and the client. */
  static async start(deps: StageDeps, setting: Setting = {}): Promise<Stage> {
    const { clock } = deps;
    const replyWait = new ReplyWait(clock);
    const gateway = await MockGateway.create({
      // Clients compare the times of tokens with their own clock.
      startMs: Math.floor(clock.now()),
      connection: {
        rateLimitFrames: 1e9,
        maxFrameBytes: MAX_FRAME_BYTES,
        ...setting.connection,
      },
      ...setting.retentionMs === undefined ? {} : { retentionMs: setting.retentionMs },
    }, {
      clock,
      allowedOrigins: [],
      answered: (links) => time.running ? Promise.resolve(false) : replyWait.answered(links),
    });
    const time = new RealTime(gateway.clock, clock);
    const stage = new Stage({ deps, setting, gateway, replyWait, time });
    await stage.#listen();
    return stage;
  }

  async #listen(): Promise<void> {
    const maxFrameBytes = this.#setting.connection?.maxFrameBytes ?? MAX_FRAME_BYTES;
    const log = () => {};
    this.#listener = await listenWithNode({
      ...{ tls: undefined, trustedProxies: 0, limits: admissionOptions(), maxFrameBytes },
      maxHeaderBytes: MAX_HEADER_BYTES,
      ...{ host: "127.0.0.1", port: 0, portName: "GATEWAY_PORT" },
      clock: this.#deps.clock,
      logger: { debug: log, info: log, warn: log, error: log },
      badRequest: invalidHost,
      handle: (request, exchange) => this.#handle(request, exchange),
    });
    const { url } = this.#listener;
    this.#client = this.#deps.spawn({
      GATEWAY_URL: `${url.replace("http", "ws")}/gateway`,
      GATEWAY_LOGIN_URL: `${url}/login`,
      GATEWAY_USER: USER,
    }, {
      line: (line, stream) => {
        const text = stripVTControlCharacters(line);
        this.output.add(text, { stream, tokens: this.logins.map(({ token }) => token) });
        if (stream === "stdout") this.app.read(text);
        this.wire.printed(stream, text);
      },
      exited: (code) => {
        this.#exitCode = code;
        this.wire.record({ connection: "", event: "exit", text: `code ${code}` });
      },
    });
  }

  async #handle(request: Request, exchange: Exchange): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/login") return await this.#login(request, exchange);
    if (pathname !== "/gateway") return await this.#gateway.handle(request, exchange);
    this.wire.attempted(request);
    const { refuse } = this;
    if (refuse !== undefined && "status" in refuse) {
      return new Response(null, { status: refuse.status });
    }
    return await this.#gateway.handle(request, {
      address: exchange.address,
      readBody: (limits) => exchange.readBody(limits),
      upgrade: (listener) =>
        exchange.upgrade({
          abandoned: () => listener.abandoned(),
          opened: (socket) => {
            const connection = this.wire.opened(socket);
            if (refuse === undefined) return listener.opened(connection);
            const ignore = () => {};
            connection.listen({
              ...{ messageReceived: ignore, controlReceived: ignore, violated: ignore },
              ...{ flushed: ignore, closed: () => listener.abandoned() },
            });
            connection.close(refuse.code, CERTIFY);
          },
        }),
    });
  }

  /** As the gateway's own route, with the token that the check wants. */
  async #login(request: Request, exchange: Exchange): Promise<Response> {
    const response = await this.#gateway.handle(request, exchange);
    const text = `${request.method} /login`;
    this.wire.record({ connection: "", event: "login", text: `${text}: ${response.status}` });
    if (response.status !== 200) return response;
    const answer: { readonly user: string } = await response.json();
    const count = this.logins.length + 1;
    const { delayMs = 0, token: { claims, ...options } = {} } = this.#setting.login?.(count) ?? {};
    const expiresInS = options.expiresInS ?? 3600;
    const token = await this.#gateway.token({
      ...{ ...options, user: answer.user, expiresInS },
      // No two tokens are the same.
      claims: { jti: `login-${count}`, ...claims },
    });
    this.logins.push({ token, atMs: this.wire.nowMs });
    if (delayMs > 0) await delay(this.#deps.clock, delayMs);
    return Response.json({ token, user: answer.user, expires_in: expiresInS });
  }

  /** The exit code of the client, if it has ended. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Waits until `find` returns something; fails the check if it does not within the limit. */
  async until<T>(
    what: string,
    find: () => T | undefined,
    { withinMs = LIMIT_MS, mayExit = false }: {
      readonly withinMs?: number;
      readonly mayExit?: boolean;
    } = {},
  ): Promise<T> {
    const found = await this.#seek(find, withinMs, mayExit);
    if (found !== undefined) return found;
    const exited = this.#exitCode !== undefined && !mayExit;
    throw new Failed(`expected ${what}${exited ? "" : ` within ${withinMs / 1000} s`}`);
  }

  /** Of a failure: why the gateway closed a connection, and how the client exited. */
  async describeEnd(): Promise<readonly string[]> {
    // A client that crashes may lose its connection first.
    await this.#seek(() => this.#exitCode, READ_MS, true);
    const closed = this.wire.events.findLast(({ event, text }) =>
      event === "close" && !text.endsWith(` ${CERTIFY}`)
    );
    const [code, ...reason] = closed?.text.split(" ") ?? [];
    return [
      ...code === undefined ? [] : [`the gateway closed with ${code}: ${reason.join(" ")}`],
      ...this.#exitCode === undefined ? [] : [
        `the client exited with ${this.#exitCode}`,
        ...this.output.lastLines.map((line) => `  ${line}`),
      ],
    ];
  }

  /** Fails the check if `find` returns something within `forMs`. Ends early if the client exits. */
  async never(what: string, find: () => unknown, forMs: number): Promise<void> {
    const found = await this.#seek(() => find() || undefined, forMs, false);
    if (found !== undefined) throw new Failed(what);
  }

  async #seek<T>(
    find: () => T | undefined,
    limitMs: number,
    mayExit: boolean,
  ): Promise<T | undefined> {
    const { clock } = this.#deps;
    const limit = clock.steady() + limitMs;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      const leftMs = limit - clock.steady();
      if (leftMs <= 0 || (this.#exitCode !== undefined && !mayExit)) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = clock.setTimer(leftMs, resolve);
      await Promise.race([promise, this.#waiting.wait()]);
      timer.cancel();
    }
  }

  /** Lets real time pass. */
  pause(ms: number): Promise<void> {
    return delay(this.#deps.clock, ms);
  }

  /** The newest ready connection; waits for one. */
  ready(options: { readonly withinMs?: number } = {}): Promise<Connection> {
    const find = () => this.wire.connections.findLast((connection) => connection.isReady);
    return this.until("a session (Hello, Identify, Ready)", find, options);
  }

  /** The first Identify on a connection that opened after `old`, with its connection. */
  reconnected(
    old: Connection,
    { withinMs = LIMIT_MS, after = "the connection ended" } = {},
  ): Promise<{ readonly connection: Connection; readonly identify: Frame }> {
    return this.until(`a new connection with Identify after ${after}`, () => {
      const connection = this.wire.connections.find(({ index, identify }) =>
        index > old.index && identify !== undefined
      );
      const identify = connection?.identify;
      return connection && identify && { connection, identify };
    }, { withinMs });
  }

  /** Closes a connection with a close frame, and waits for its end. */
  async close(connection: Connection, code: number): Promise<void> {
    if (code === 1012) this.needed.add("close-1012");
    await this.#gateway.close(connection.id, { code, reason: CERTIFY });
    await this.#ended(connection);
  }

  /** Ends a connection without a close frame. */
  async drop(connection: Connection): Promise<void> {
    this.needed.add("close-dropped");
    await this.#gateway.drop(connection.id);
    await this.#ended(connection);
  }

  /** Makes a connection half-open: nothing passes, and nothing is reported. */
  async freeze(connection: Connection): Promise<void> {
    await this.#gateway.freeze(connection.id);
  }

  async #ended(connection: Connection): Promise<void> {
    const gone = () => connection.closedAtMs;
    await this.until("the end of the connection", gone, { mayExit: true });
  }

  /** Publishes to the client's channel; resolves with the id once the gateway has sent it. */
  async publish(
    content: Json = "hello",
    audience: Partial<Draft> = { channel: "general" },
  ): Promise<string> {
    const [message] = await this.#gateway.publish({ author: "bob", content, ...audience });
    if (message === undefined) throw new Error("nothing was published");
    return message.id;
  }

  /** Publishes many messages, and resolves with their ids. */
  async publishMany(count: number): Promise<readonly string[]> {
    const drafts = Array.from({ length: count }, (_, index) => ({
      ...{ channel: "general", author: "bob", content: index + 1 },
    }));
    return (await this.#gateway.publish(...drafts)).map(({ id }) => id);
  }

  /** Waits until the client has read the message `id`. */
  async processed(id: string): Promise<void> {
    await this.until(
      `message ${id} on the wire`,
      () => this.wire.connections.some(({ sent }) => sent.some((f) => f["id"] === id)) || undefined,
    );
    if (!await this.#speaks()) return await this.pause(READ_MS);
    await this.#seek(() => this.app.messages.includes(id) || undefined, READ_MS * 10, true);
  }

  /** Fails the check if the client prints lines, but not that of the message `id`, which is `what`. */
  async expectLine(id: string, what: string): Promise<void> {
    if (!await this.#speaks()) return;
    const printed = () => this.app.messages.includes(id) || this.app.misread || undefined;
    await this.until(`the line of the message ${what}`, printed, { withinMs: ANSWER_MS });
    if (this.app.misread !== undefined) throw new Skipped("judged only if messages-once passes");
  }

  /** Advances virtual time; correct clients answer every heartbeat on the way. */
  async advance(ms: number): Promise<void> {
    await this.#replyWait.within(ANSWER_MS, () => this.#gateway.advance(ms));
  }

  /** From now on, virtual time runs like real time. */
  runClock(): void {
    this.#time.start();
  }

  /** Sends heartbeats that need no ACK, so that a client with a timer of its own hears of its server. */
  sendHeartbeats(): void {
    const { clock } = this.#deps;
    const text = JSON.stringify({ op: Op.Heartbeat, time: clock.now() });
    this.wire.connections.find(({ isReady }) => isReady)?.inject(text);
    this.#chatter = clock.setTimer(CHATTER_MS, () => this.sendHeartbeats());
  }

  /** Sends a heartbeat past the session, and waits for an ACK. */
  async beat(connection: Connection, text: string): Promise<Frame> {
    const before = connection.of(Op.HeartbeatAck).length;
    connection.inject(text);
    return await this.until(
      `an ACK of ${text}`,
      () => connection.of(Op.HeartbeatAck)[before],
      { withinMs: ANSWER_MS },
    );
  }

  /** Asks the client to leave. */
  terminateClient(): void {
    this.#client?.terminate();
  }

  /** Ends a check that judges printed lines, if the client prints none. */
  async requireLines(): Promise<void> {
    if (!await this.#speaks()) throw new Skipped("the command prints no JSON lines");
  }

  /** True if the client prints lines; the first is awaited for a while. */
  async #speaks(): Promise<boolean> {
    if (!this.app.speaks && !this.#silent) {
      this.#silent = !await this.#seek(() => this.app.speaks || undefined, FIRST_LINE_MS, true);
    }
    return this.app.speaks;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.kill();
    this.#time.stop();
    this.#chatter?.cancel();
    await this.#gateway.reset();
    await this.#listener?.close();
  }
}
