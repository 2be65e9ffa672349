/**
 * A network with faults between the gateway and one socket. It delays and drops frames, ends connections,
 * and knows which replies of the peer are pending, so that virtual time can wait for them.
 *
 * @module
 */

import { Frames } from "../../gateway/session/encode.ts";
import type { Clock, Json, Outgoing, Socket, SocketListener } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { DelayLine } from "./delay_line.ts";
import { asFrame, type TranscriptEvent } from "./transcript.ts";

/** Faults of a connection's network, in force while they are set. */
export interface Faults {
  /** The client gets no Heartbeats; the gateway sees each as acknowledged. */
  readonly stopHeartbeats: boolean;
  /** The client gets no ACKs of its own Heartbeats. */
  readonly withholdAcks: boolean;
  /** The client's ACKs are lost, so that the gateway sees it as silent. */
  readonly loseClientAcks: boolean;
  /** Latency each way, in milliseconds of virtual time. */
  readonly delayMs: number;
}

export const NO_FAULTS: Faults = {
  stopHeartbeats: false,
  withholdAcks: false,
  loseClientAcks: false,
  delayMs: 0,
};

export interface LinkOptions {
  readonly id: string;
  /** The socket towards the peer. */
  readonly socket: Socket;
  readonly clock: Clock;
  readonly faults: Faults;
  /** The limit for the answer to a close frame, in milliseconds of virtual time. */
  readonly closeGraceMs: number;
  /** The bound on bytes that the peer has not read. */
  readonly maxBufferedBytes: number;
  /** Called with every event. */
  readonly record: (event: TranscriptEvent) => void;
  /** Called when the peer has sent something or is gone. */
  readonly changed: () => void;
}

export class Link implements Socket {
  readonly id: string;
  faults: Faults;

  readonly #options: LinkOptions;
  readonly #out: DelayLine;
  readonly #in: DelayLine;
  #listener: SocketListener | undefined;
  #frozen = false;
  /** Closed, as far as the gateway knows. */
  #over = false;
  #socketGone = false;
  #identified = false;
  #unanswered: Json | undefined;
  #closeSent = false;
  /** Replies that are no longer waited for. */
  #givenUp = new Set<string>();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.id = options.id;
    this.faults = options.faults;
    this.#out = new DelayLine(options.clock);
    this.#in = new DelayLine(options.clock);
  }

  /** True if the connection is closed for the gateway. */
  get over(): boolean {
    return this.#over;
  }

  /** True if it is closed on both sides. */
  get finished(): boolean {
    return this.#over && this.#socketGone;
  }

  /** True if it is half-open: no bytes pass in either direction. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** True if the peer has to reply to something, other than what was given up on. */
  get hasPendingReplies(): boolean {
    const pending = this.#pendingReplies();
    this.#givenUp = new Set(pending.filter((reply) => this.#givenUp.has(reply)));
    return pending.length > this.#givenUp.size;
  }

  /** No longer waits for the replies that are pending now. */
  giveUpOn(): void {
    this.#givenUp = new Set(this.#pendingReplies());
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    this.#options.socket.listen({
      messageReceived: (data) => this.#arrived(data),
      controlReceived: () => this.#over || this.#frozen || listener.controlReceived(),
      violated: (code) => this.#over || this.#frozen || listener.violated(code),
      flushed: () => listener.flushed(),
      closed: () => this.#socketClosed(),
    });
  }

  /**
   * 0 up to the bound. The gateway sends what it holds back by a timer, which does not fire while virtual
   * time stands still; so it must hold nothing back unless the peer does not read.
   */
  get bufferedBytes(): number {
    const bytes = this.unreadBytes;
    return bytes < this.#options.maxBufferedBytes ? 0 : bytes;
  }

  /** Bytes that the runtime has not passed to the network yet. */
  get unreadBytes(): number {
    return this.#over || this.#frozen ? 0 : this.#options.socket.bufferedBytes;
  }

  notifyFlushed(): void {
    this.#options.socket.notifyFlushed();
  }

  send({ texts }: Outgoing): void {
    for (const text of texts) this.#send(text);
  }

  #send(text: string): void {
    const frame = asFrame(text);
    const op = opOf(frame);
    if (op === Op.Heartbeat && this.faults.stopHeartbeats) {
      this.#options.record({ event: "not_sent", frame });
      this.#listener?.messageReceived(JSON.stringify({ op: Op.HeartbeatAck, time: timeOf(frame) }));
    } else if (op === Op.HeartbeatAck && this.faults.withholdAcks) {
      this.#options.record({ event: "not_sent", frame });
    } else {
      this.sendRaw(text);
    }
  }

  /** Sends `text` to the client unchanged, past the session. */
  sendRaw(text: string): void {
    this.#out.pass(this.faults.delayMs, () => {
      const frame = asFrame(text);
      this.#options.record({ event: this.#frozen ? "not_sent" : "sent", frame });
      if (this.#frozen) return;
      if (opOf(frame) === Op.Heartbeat) this.#unanswered = timeOf(frame);
      this.#options.socket.send(new Frames([text]));
    });
  }

  close(code: number, reason: string): void {
    this.#out.pass(this.faults.delayMs, () => {
      const event = this.#frozen ? "close_not_sent" : "close_sent";
      this.#options.record({ event, code, reason });
      if (this.#frozen) return;
      this.#closeSent = true;
      this.#options.socket.close(code, reason);
    });
  }

  terminate(): boolean {
    if (this.#over) return true;
    if (this.#frozen) {
      queueMicrotask(() => this.#end());
      return true;
    }
    if (!this.#options.socket.terminate()) return false;
    this.#options.record({ event: "terminated" });
    this.#out.stop();
    return true;
  }

  /** Terminates the connection without a close frame. Returns false if this runtime cannot. */
  drop(): boolean {
    if (!this.#options.socket.terminate()) return false;
    this.#options.record({ event: "terminated" });
    this.#end();
    return true;
  }

  /** Stops all traffic, as when a cable is pulled; neither side notices. */
  freeze(): void {
    this.#frozen = true;
    this.#options.record({ event: "frozen" });
  }

  /** Sends a close frame in the gateway's place; the gateway sees the connection as closed. */
  forceClose(code: number, reason: string): void {
    this.close(code, reason);
    this.#out.pass(this.faults.delayMs, () => this.#end());
    this.#options.clock.setTimer(this.faults.delayMs + this.#options.closeGraceMs, () => {
      if (!this.#socketGone) this.#options.socket.terminate();
    });
  }

  /** Ends the connection in any state. */
  discard(): void {
    const { socket } = this.#options;
    if (!this.#socketGone && !socket.terminate()) socket.close(1012, "the mock gateway was reset");
    this.#end();
  }

  #arrived(data: string | Uint8Array): void {
    const frame = asFrame(data);
    const op = opOf(frame);
    // The peer has replied, even if the frame is lost below.
    if (op === Op.HeartbeatAck && timeOf(frame) === this.#unanswered) this.#unanswered = undefined;
    if (op === Op.Identify) this.#identified = true;
    this.#options.changed();
    if (this.#over) return;
    const lost = this.#frozen || (op === Op.HeartbeatAck && this.faults.loseClientAcks);
    if (lost) return this.#options.record({ event: "not_received", frame });
    this.#in.pass(this.faults.delayMs, () => {
      this.#options.record({ event: "received", frame });
      this.#listener?.messageReceived(data);
    });
  }

  #socketClosed(): void {
    this.#socketGone = true;
    this.#options.changed();
    if (this.#over || this.#frozen) return;
    this.#in.pass(this.faults.delayMs, () => this.#end());
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#out.stop();
    this.#in.stop();
    this.#options.record({ event: "gone" });
    this.#listener?.closed();
  }

  #pendingReplies(): readonly string[] {
    if (this.#socketGone || this.#frozen) return [];
    if (this.#closeSent) return ["close"];
    const pending: string[] = [];
    if (this.#over) return pending;
    if (!this.#identified) pending.push("identify");
    if (this.#unanswered !== undefined) pending.push(`heartbeat ${this.#unanswered}`);
    if (this.unreadBytes > 0) pending.push("read");
    return pending;
  }
}

function opOf(frame: Json): Json | undefined {
  return isObject(frame) ? frame["op"] : undefined;
}

function timeOf(frame: Json): Json {
  return isObject(frame) ? frame["time"] ?? null : null;
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
