/**
 * Observes the wire between a client and its gateway: records frames with real times, and holds or rewrites what
 * the gateway sends. Decides nothing.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Clock, Outgoing, Socket, SocketListener } from "../gateway/ports.ts";
import { Op, type ViolationCode } from "../gateway/protocol/mod.ts";
import { Frames } from "../gateway/session/encode.ts";
import { type Frame, parseFrame } from "./frame.ts";

/** Something that happened, for people. */
export interface WireEvent {
  /** Milliseconds of real time since the check began. */
  readonly atMs: number;
  /** `c1`, `c2`… in the order in which connections opened; empty for HTTP and the process. */
  readonly connection: string;
  readonly event: string;
  readonly text: string;
}

/** A request for a WebSocket, refused or not. */
export interface Attempt {
  readonly atMs: number;
  /** Path and query. */
  readonly target: string;
  readonly headers: Headers;
}

/** Changes what the gateway sends; by default, nothing. */
export interface Interference {
  /** The text to send instead. */
  rewrite?: ((frame: Frame, text: string, connection: Connection) => string) | undefined;
  /** True to hold this frame and all after it, until {@linkcode Connection.release}. */
  hold?: ((frame: Frame, connection: Connection) => boolean) | undefined;
}

/** Lines of the client's output among the events of a check: the last ones, and a note in place of the others. */
const MAX_LINES = 1000;
/** The same in characters: reports hold the events of all checks. */
const MAX_LINE_CHARS = 1024 * 1024;

/** Reasons of closes before the frame is read. */
const VIOLATIONS: Readonly<Record<ViolationCode, string>> = {
  1002: "a frame breaks RFC 6455",
  1007: "a text is not UTF-8",
  1008: "a message has too many fragments",
  1009: "a frame is too long to be read",
};

export class Wire {
  readonly events: WireEvent[] = [];
  readonly #lines: WireEvent[] = [];
  #lineChars = 0;
  #dropped = 0;
  readonly connections: Connection[] = [];
  readonly attempts: Attempt[] = [];
  readonly interference: Interference = {};
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #changed: () => void;

  /** @param changed called after each event */
  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#startedAt = clock.steady();
    this.#changed = changed;
  }

  /** Milliseconds of real time since the check began. */
  get nowMs(): number {
    return this.#clock.steady() - this.#startedAt;
  }

  record(event: Omit<WireEvent, "atMs">): void {
    this.events.push({ atMs: this.nowMs, ...event });
    this.#changed();
  }

  /** A line of the client's output. */
  printed(stream: "stdout" | "stderr", text: string): void {
    this.record({ connection: "", event: stream, text });
    this.#lines.push(...this.events.slice(-1));
    this.#lineChars += text.length;
    while (this.#lines.length > MAX_LINES || this.#lineChars > MAX_LINE_CHARS) this.#dropLine();
  }

  #dropLine(): void {
    const line = this.#lines.shift();
    if (line === undefined) return;
    this.#lineChars -= line.text.length;
    this.#dropped += 1;
    const text = `${this.#dropped} lines of output are left out`;
    const note = { ...line, event: "…", text };
    const at = this.events.indexOf(line);
    const before = this.events.findIndex(({ event }) => event === "…");
    this.events[at] = note;
    if (before >= 0) this.events.splice(before, 1);
  }

  attempted(request: Request): void {
    const { pathname, search } = new URL(request.url);
    this.attempts.push({
      atMs: this.nowMs,
      target: pathname + search,
      headers: new Headers(request.headers),
    });
    this.record({ connection: "", event: "handshake", text: `GET ${pathname}${search}` });
  }

  /** Puts a connection in front of `socket`. */
  opened(socket: Socket): Connection {
    const connection = new Connection(socket, this, this.connections.length + 1);
    this.connections.push(connection);
    this.record({ connection: connection.id, event: "opened", text: "" });
    return connection;
  }
}

/** One WebSocket of the client, as the gateway's socket. */
export class Connection implements Socket {
  readonly id: string;
  readonly openedAtMs: number;
  /** The frames of each direction, with their times. */
  readonly received: (Frame & { readonly atMs: number; readonly bytes: number })[] = [];
  readonly sent: (Frame & { readonly atMs: number })[] = [];
  /** Pings and pongs, which the rate limit counts, too. */
  controls = 0;
  /** The gateway closed the connection with this code, as the client broke a rule of WebSockets or a limit. */
  violation: ViolationCode | undefined;
  closedAtMs: number | undefined;
  /** The code of the client's close frame; 1005 or 1006 without one. */
  closeCode: number | undefined;
  #held: string[] | undefined;
  readonly #socket: Socket;
  readonly #wire: Wire;

  constructor(socket: Socket, wire: Wire, public readonly index: number) {
    this.id = `c${index}`;
    this.#socket = socket;
    this.#wire = wire;
    this.openedAtMs = wire.nowMs;
  }

  /** The client's frames with this opcode. */
  of(op: number): readonly (Frame & { readonly atMs: number })[] {
    return this.received.filter((frame) => frame["op"] === op);
  }

  get identify(): Frame | undefined {
    return this.of(Op.Identify)[0];
  }

  /** The gateway's last Ready. */
  get ready(): Frame | undefined {
    return this.sent.findLast((frame) => frame["op"] === Op.Ready);
  }

  get isReady(): boolean {
    return this.closedAtMs === undefined && this.ready !== undefined;
  }

  listen(listener: SocketListener): void {
    this.#socket.listen({
      messageReceived: (data) => {
        const text = typeof data === "string" ? data : `${data.byteLength} bytes of a binary frame`;
        const bytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
        this.received.push({ ...parseFrame(text), atMs: this.#wire.nowMs, bytes });
        this.#record("client", text);
        listener.messageReceived(data);
      },
      controlReceived: () => {
        this.controls += 1;
        listener.controlReceived();
      },
      violated: (code) => {
        this.violation = code;
        listener.violated(code);
      },
      flushed: () => listener.flushed(),
      closed: (code) => {
        this.closedAtMs = this.#wire.nowMs;
        this.closeCode = code;
        this.#record(
          "closed",
          `close code of the client: ${code === undefined || code === 1006 ? "none" : code}`,
        );
        listener.closed(code);
      },
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  notifyFlushed(): void {
    this.#socket.notifyFlushed();
  }

  send({ texts }: Outgoing): void {
    for (const text of texts) this.#pass(text);
  }

  /** Sends `text` now, before frames that are held. */
  inject(text: string): void {
    this.#send(text);
  }

  /** Sends the frames that are held. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const text of held) this.#send(text);
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  close(code: number, reason: string): void {
    const why = code === this.violation ? VIOLATIONS[this.violation] : reason;
    this.#record("close", `${code} ${why}`);
    this.#socket.close(code, reason);
  }

  terminate(): boolean {
    const done = this.#socket.terminate();
    if (done) this.#record("dropped", "without a close frame");
    return done;
  }

  #pass(text: string): void {
    const { hold, rewrite } = this.#wire.interference;
    const frame = parseFrame(text);
    if (this.#held === undefined && hold?.(frame, this)) this.#held = [];
    const changed = rewrite?.(frame, text, this) ?? text;
    if (this.#held === undefined) return this.#send(changed);
    this.#held.push(changed);
    this.#record("held", changed);
  }

  #send(text: string): void {
    this.sent.push({ ...parseFrame(text), atMs: this.#wire.nowMs });
    this.#record("gateway", text);
    this.#socket.send(new Frames([text]));
  }

  #record(event: string, text: string): void {
    this.#wire.record({ connection: this.id, event, text });
  }
}
