/**
 * One connection's network, with faults: stands between the gateway and a socket, as the
 * {@linkcode Socket} port on either side.
 *
 * It delays, keeps back, loses and ends what passes; what the session makes of it is the reducer's
 * matter. It also knows what the peer still has to answer, so that time can wait for it.
 *
 * @module
 */

import { Frames } from "../../gateway/session/encode.ts";
import type { Clock, Json, Outgoing, Socket, SocketListener } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { DelayLine } from "./delay_line.ts";
import { asFrame, type TranscriptEvent } from "./transcript.ts";

/** What goes wrong on a connection for as long as it is set. */
export interface Faults {
  /** The client gets no Heartbeat. The session is told that each was acknowledged, and goes on. */
  readonly stopHeartbeats: boolean;
  /** The client gets no ACK of its own Heartbeats. */
  readonly withholdAcks: boolean;
  /** The client's ACKs get lost on the way, so that the gateway takes it for silent. */
  readonly loseClientAcks: boolean;
  /** How long everything takes, each way, in milliseconds of virtual time. */
  readonly delayMs: number;
}

/** A network as it should be. */
export const NO_FAULTS: Faults = {
  stopHeartbeats: false,
  withholdAcks: false,
  loseClientAcks: false,
  delayMs: 0,
};

/** What a {@linkcode Link} works with. */
export interface LinkOptions {
  /** Names the connection. */
  readonly id: string;
  /** The socket towards the peer. */
  readonly socket: Socket;
  readonly clock: Clock;
  readonly faults: Faults;
  /** How long a peer may take to answer a close frame, in milliseconds of virtual time. */
  readonly closeGraceMs: number;
  /** What may wait for the peer to read it, in bytes. */
  readonly maxBufferedBytes: number;
  /** Told of everything that happens. */
  readonly record: (event: TranscriptEvent) => void;
  /** Told when something arrived from the peer, or when it is gone. */
  readonly heard: () => void;
}

/** A connection's network. */
export class Link implements Socket {
  /** Names the connection. */
  readonly id: string;
  /** What goes wrong now. */
  faults: Faults;

  readonly #options: LinkOptions;
  readonly #out: DelayLine;
  readonly #in: DelayLine;
  #listener: SocketListener | undefined;
  #frozen = false;
  /** The gateway was told that the socket is gone. */
  #over = false;
  /** The socket is gone in fact. */
  #socketGone = false;
  #identified = false;
  #unanswered: Json | undefined;
  #closeSent = false;
  /** What the peer was waited for in vain. */
  #forgiven = new Set<string>();

  /** A link on an open socket. */
  constructor(options: LinkOptions) {
    this.#options = options;
    this.id = options.id;
    this.faults = options.faults;
    this.#out = new DelayLine(options.clock);
    this.#in = new DelayLine(options.clock);
  }

  /** Whether the connection is gone for the gateway. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether nothing more can come of it for anybody. */
  get finished(): boolean {
    return this.#over && this.#socketGone;
  }

  /** Whether nothing passes any more. */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Whether the peer still has something to do that time waits for, and was not given up on. */
  get pendingReplies(): boolean {
    const debts = this.#debts();
    this.#forgiven = new Set(debts.filter((debt) => this.#forgiven.has(debt)));
    return debts.length > this.#forgiven.size;
  }

  /** Gives up on everything that the peer pendingReplies now. */
  giveUpOn(): void {
    this.#forgiven = new Set(this.#debts());
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
   * Nothing, up to the bound: what the gateway keeps back it sends by a timer, and would not as long as
   * virtual time stands still. So the runtime is handed everything, and only a peer that does not read
   * is told of.
   */
  get bufferedBytes(): number {
    const bytes = this.unreadBytes;
    return bytes < this.#options.maxBufferedBytes ? 0 : bytes;
  }

  /** Bytes that the runtime has not given to the network yet. */
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

  /** Sends `text` to the client as it is; the session knows nothing of it. */
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

  /** Ends the connection without a close frame. Returns whether this runtime is able to. */
  drop(): boolean {
    if (!this.#options.socket.terminate()) return false;
    this.#options.record({ event: "terminated" });
    this.#end();
    return true;
  }

  /** Lets nothing pass any more, as when a cable is pulled: neither side is told. */
  freeze(): void {
    this.#frozen = true;
    this.#options.record({ event: "frozen" });
  }

  /** Sends a close frame in the gateway's place; for the gateway the connection is gone. */
  forceClose(code: number, reason: string): void {
    this.close(code, reason);
    this.#out.pass(this.faults.delayMs, () => this.#end());
    this.#options.clock.setTimer(this.faults.delayMs + this.#options.closeGraceMs, () => {
      if (!this.#socketGone) this.#options.socket.terminate();
    });
  }

  /** Ends the connection for good, whatever became of it. */
  discard(): void {
    const { socket } = this.#options;
    if (!this.#socketGone && !socket.terminate()) socket.close(1012, "the mock gateway was reset");
    this.#end();
  }

  #arrived(data: string | Uint8Array): void {
    const frame = asFrame(data);
    const op = opOf(frame);
    // It has answered, whatever the network makes of it.
    if (op === Op.HeartbeatAck && timeOf(frame) === this.#unanswered) this.#unanswered = undefined;
    if (op === Op.Identify) this.#identified = true;
    this.#options.heard();
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
    this.#options.heard();
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

  #debts(): readonly string[] {
    if (this.#socketGone || this.#frozen) return [];
    if (this.#closeSent) return ["close"];
    const debts: string[] = [];
    if (this.#over) return debts;
    if (!this.#identified) debts.push("identify");
    if (this.#unanswered !== undefined) debts.push(`beat ${this.#unanswered}`);
    if (this.unreadBytes > 0) debts.push("read");
    return debts;
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
