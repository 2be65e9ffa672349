/**
 * Sends a client the messages that it missed: reads pages from the log at the pace of the peer, then switches to
 * live messages without a gap or a duplicate.
 *
 * While it runs, it buffers live messages. It goes live once a page reaches the head of the log and everything
 * fanned out since is in the buffer; if the buffer overflows, it reads on from the log (docs/protocol.md,
 * "Resuming").
 *
 * @module
 */

import { encodeReplayed, encodeRun, type Run, runAfter } from "./encode.ts";
import type { LogPage, Message, MessageLog, Position } from "../ports.ts";

/** Most messages in a page. */
const PAGE_MESSAGES = 250;

export interface ReplayTarget {
  /** Returns whether to continue. */
  send(run: Run): boolean;
  /** Resolves once everything has been sent, or was discarded at the end of the session. */
  flushed(): Promise<void>;
  /** Returns the last message whose fan-out has begun. */
  position(): Position;
  /** Ends the replay: everything up to and including `position` has been sent. */
  live(position: Position): void;
}

export interface ReplayOptions {
  readonly log: MessageLog;
  readonly target: ReplayTarget;
  readonly user: string;
  readonly channels: readonly string[];
  /** The id of the last message that the client received. */
  readonly lastId: string;
  /** Most bytes that may be unsent: a page is up to a quarter of it, the live buffer up to half. */
  readonly maxBufferedBytes: number;
}

export class Replay {
  readonly #log: MessageLog;
  readonly #target: ReplayTarget;
  readonly #user: string;
  /** The id after which it began. */
  readonly after: string;
  readonly #pageBytes: number;
  readonly #liveBufferMaxBytes: number;
  /** The channels that the client may see, each with the sequence after which. */
  #channels: Map<string, number>;
  #cursorId: string;
  #first: LogPage | undefined;
  /** Live messages since `#liveBufferFrom`; `undefined` after an overflow. */
  #liveBuffer: Run[] | undefined = [];
  #liveBufferBytes = 0;
  #liveBufferFrom = 0;
  /** The position of the fan-out when the session began: messages after it are not missed ones. */
  #missedUpTo = 0;
  #running = false;
  #stopped = false;

  constructor(options: ReplayOptions) {
    this.#log = options.log;
    this.#target = options.target;
    this.#user = options.user;
    this.#channels = new Map(options.channels.map((channel) => [channel, 0]));
    this.after = options.lastId;
    this.#cursorId = options.lastId;
    this.#pageBytes = Math.ceil(options.maxBufferedBytes / 4);
    this.#liveBufferMaxBytes = Math.ceil(options.maxBufferedBytes / 2);
  }

  get running(): boolean {
    return this.#running;
  }

  /** Everything up to this id has been sent. */
  get cursorId(): string {
    return this.#cursorId;
  }

  /**
   * Reads the first page. Returns whether everything that was missed is still stored.
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
   * Sends everything, then calls `live`. Resolves `"expired"` if retention overtook it: the client must then
   * reconnect.
   *
   * @throws {OperationalError} when the log cannot be read
   */
  async run(): Promise<"live" | "stopped" | "expired"> {
    this.#running = true;
    this.#missedUpTo = this.#target.position().sequence;
    this.#bufferLive();
    let page: LogPage | "expired" = this.#first ?? await this.#read();
    for (;;) {
      if (this.#stopped) return "stopped";
      if (page === "expired") return "expired";
      for (const message of page.messages) {
        if (this.#maySee(message) && !this.#target.send(this.#encode(message))) return "stopped";
      }
      const { upTo } = page;
      this.#cursorId = upTo.id;
      // With nothing unsent, the live buffer fits, whatever the size of the page.
      await this.#target.flushed();
      if (this.#stopped) return "stopped";
      if (!page.more && this.#liveBuffer !== undefined && this.#liveBufferFrom <= upTo.sequence) {
        return this.#goLive(upTo, this.#liveBuffer);
      }
      this.#bufferLive();
      page = await this.#read();
    }
  }

  /** Buffers live messages. An overflow drops the buffer; the log has them, too. */
  offer(run: Run): void {
    if (this.#liveBuffer === undefined) return;
    this.#liveBufferBytes += run.frames.bytes;
    if (this.#liveBufferBytes <= this.#liveBufferMaxBytes) this.#liveBuffer.push(run);
    else this.#liveBuffer = undefined;
  }

  /** Adds `channel`, without its messages up to the sequence `after`. */
  subscribe(channel: string, after: number): void {
    if (!this.#channels.has(channel)) this.#channels.set(channel, after);
  }

  /** Removes `channel`, with the messages of it that are not sent yet. */
  unsubscribe(channel: string): void {
    this.#channels.delete(channel);
    // All messages of a run have the same audience.
    this.#liveBuffer = this.#liveBuffer?.filter(({ messages }) => messages[0]?.channel !== channel);
  }

  replaceChannels(channels: readonly string[]): void {
    for (const channel of [...this.#channels.keys()]) {
      if (!channels.includes(channel)) this.unsubscribe(channel);
    }
    const { sequence } = this.#target.position();
    for (const channel of channels) this.subscribe(channel, sequence);
  }

  stop(): void {
    this.#stopped = true;
    this.#liveBuffer = undefined;
  }

  #goLive(upTo: Position, buffered: readonly Run[]): "live" | "stopped" {
    let reached = upTo;
    for (const run of buffered) {
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

  #encode(message: Message): Run {
    return message.sequence <= this.#missedUpTo ? encodeReplayed(message) : encodeRun([message]);
  }

  /** Decides by the channels of now, which may not be those of when the page was read. */
  #maySee({ channel, sequence }: Message): boolean {
    if (channel === undefined) return true;
    const after = this.#channels.get(channel);
    return after !== undefined && sequence > after;
  }
}
