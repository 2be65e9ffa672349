/**
 * What a client missed, sent before what is new: reads pages from the log at the pace at which the peer
 * takes them, and goes over to live messages without a gap and without a duplicate.
 *
 * While it runs, live messages are set aside here. It may go live as soon as a page reached the head of
 * the log and everything that was fanned out since is set aside; if that is too much to hold, it reads
 * on from the log instead (docs/protocol.md, "Resuming").
 *
 * @module
 */

import { encodeRun, type Run, runAfter } from "./encode.ts";
import type { LogPage, Message, MessageLog, Position } from "../ports.ts";

/** Most messages in a page. */
const PAGE_MESSAGES = 250;

/** Where a replay goes. */
export interface ReplayTarget {
  /** Sends messages. Returns whether to go on. */
  send(run: Run): boolean;
  /** Resolves once the peer has taken everything, or is gone. */
  flushed(): Promise<void>;
  /** How far the fan-out has come. */
  position(): Position;
  /** The replay is over: everything up to and including `position` has been sent. */
  live(position: Position): void;
}

/** What a replay works with. */
export interface ReplayOptions {
  /** What it reads from. */
  readonly log: MessageLog;
  /** Where it goes. */
  readonly target: ReplayTarget;
  /** Whose messages. */
  readonly user: string;
  /** The channels whose messages. */
  readonly channels: readonly string[];
  /** The last id that the client has seen. */
  readonly lastId: string;
  /** Most bytes that may wait for the peer; a page and what is set aside are each a part of it. */
  readonly maxBufferedBytes: number;
}

/** One client's way from what it has seen last to the present. */
export class Replay {
  readonly #log: MessageLog;
  readonly #target: ReplayTarget;
  readonly #user: string;
  readonly #pageBytes: number;
  readonly #liveBufferMaxBytes: number;
  /** The channels that it may see, each with the position after which. */
  #channels: Map<string, number>;
  #cursorId: string;
  #first: LogPage | undefined;
  /** Live messages since `#liveBufferFrom`; `undefined` once they were too many. */
  #liveBuffer: Run[] | undefined = [];
  #liveBufferBytes = 0;
  #liveBufferFrom = 0;
  #running = false;
  #stopped = false;

  /** A replay that has not begun. */
  constructor(options: ReplayOptions) {
    this.#log = options.log;
    this.#target = options.target;
    this.#user = options.user;
    this.#channels = new Map(options.channels.map((channel) => [channel, 0]));
    this.#cursorId = options.lastId;
    this.#pageBytes = Math.ceil(options.maxBufferedBytes / 4);
    this.#liveBufferMaxBytes = Math.ceil(options.maxBufferedBytes / 2);
  }

  /** Whether it has begun to send. */
  get running(): boolean {
    return this.#running;
  }

  /** Everything up to here has been sent. */
  get cursorId(): string {
    return this.#cursorId;
  }

  /**
   * Reads the first page. Returns whether everything that was missed is still kept.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async begin(): Promise<boolean> {
    const page = await this.#read();
    if (page === "expired") return false;
    this.#first = page;
    return true;
  }

  /**
   * Sends everything, then calls `live`. Resolves `"expired"` if retention overtook it: the client then
   * has to come back.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async run(): Promise<"live" | "stopped" | "expired"> {
    this.#running = true;
    this.#bufferLive();
    let page: LogPage | "expired" = this.#first ?? await this.#read();
    for (;;) {
      if (this.#stopped) return "stopped";
      if (page === "expired") return "expired";
      for (const message of page.messages) {
        if (this.#sees(message) && !this.#target.send(encodeRun([message]))) return "stopped";
      }
      const { upTo } = page;
      this.#cursorId = upTo.id;
      // With nothing left to send, what was set aside fits, whatever the page was.
      await this.#target.flushed();
      if (this.#stopped) return "stopped";
      if (!page.more && this.#liveBuffer !== undefined && this.#liveBufferFrom <= upTo.sequence) {
        return this.#goLive(upTo, this.#liveBuffer);
      }
      this.#bufferLive();
      page = await this.#read();
    }
  }

  /** Sets live messages aside. */
  offer(run: Run): void {
    if (this.#liveBuffer === undefined) return;
    this.#liveBufferBytes += run.frames.bytes;
    if (this.#liveBufferBytes <= this.#liveBufferMaxBytes) this.#liveBuffer.push(run);
    else this.#liveBuffer = undefined;
  }

  /** The client may see `channel` from after the place `after` on. */
  subscribe(channel: string, after: number): void {
    if (!this.#channels.has(channel)) this.#channels.set(channel, after);
  }

  /** The client may see nothing more of `channel`, what it missed included. */
  unsubscribe(channel: string): void {
    this.#channels.delete(channel);
    // All messages of a run have the same audience.
    this.#liveBuffer = this.#liveBuffer?.filter(({ messages }) => messages[0]?.channel !== channel);
  }

  /** The client's channels are these now. */
  replaceChannels(channels: readonly string[]): void {
    for (const channel of [...this.#channels.keys()]) {
      if (!channels.includes(channel)) this.unsubscribe(channel);
    }
    const { sequence } = this.#target.position();
    for (const channel of channels) this.subscribe(channel, sequence);
  }

  /** Ends it; nothing is sent any more. */
  stop(): void {
    this.#stopped = true;
    this.#liveBuffer = undefined;
  }

  #goLive(upTo: Position, aside: readonly Run[]): "live" | "stopped" {
    let reached = upTo;
    for (const run of aside) {
      const rest = runAfter(run, upTo.sequence);
      if (rest === undefined) continue;
      if (!this.#target.send(rest)) return "stopped";
      reached = rest.messages.at(-1) ?? reached;
    }
    this.#stopped = true;
    this.#cursorId = reached.id;
    this.#target.live({ id: reached.id, sequence: reached.sequence });
    return "live";
  }

  #bufferLive(): void {
    this.#liveBuffer = [];
    this.#liveBufferBytes = 0;
    this.#liveBufferFrom = this.#target.position().sequence;
  }

  #read(): Promise<LogPage | "expired"> {
    return this.#log.read({
      after: this.#cursorId,
      audience: { everyone: true, user: this.#user, channels: [...this.#channels.keys()] },
      limit: PAGE_MESSAGES,
      maxBytes: this.#pageBytes,
    });
  }

  /** Whether the client may see it, by what its audience is now and not when the page was read. */
  #sees({ channel, sequence }: Message): boolean {
    if (channel === undefined) return true;
    const after = this.#channels.get(channel);
    return after !== undefined && sequence > after;
  }
}
