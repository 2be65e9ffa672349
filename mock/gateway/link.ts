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
import {
  copiesOf,
  delayOf,
  type DueAction,
  type FaultRules,
  firstHalf,
  has,
  matches,
  type RuleSubject,
} from "./fault_rules.ts";
import type { Faults } from "./faults.ts";
import type { NewFaultRule } from "./rule.ts";
import { asFrame, fieldOf, type TranscriptEvent } from "./transcript.ts";

/** The faults that concern single frames, as rules. */
const FAULT_RULES: Readonly<Record<Exclude<keyof Faults, "delayMs">, NewFaultRule>> = {
  stopHeartbeats: { match: { on: "sent", op: Op.Heartbeat }, action: { type: "acknowledge" } },
  withholdAcks: { match: { on: "sent", op: Op.HeartbeatAck }, action: { type: "lose" } },
  loseClientAcks: { match: { on: "received", op: Op.HeartbeatAck }, action: { type: "lose" } },
};

export interface LinkOptions {
  readonly id: string;
  /** The socket towards the peer. */
  readonly socket: Socket;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly rules: FaultRules;
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
  /** A rule ends the connection; nothing that follows is sent. */
  #ending = false;
  /** A rule drops the connection once the peer has been sent what came before. */
  #dropsWhenFlushed = false;
  #socketGone = false;
  /** The user of the last Ready. */
  #user: string | undefined;
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
      flushed: () => this.#dropsWhenFlushed ? this.#cut() : listener.flushed(),
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
    if (this.#ending) return this.#options.record({ event: "not_sent", frame });
    const user = fieldOf(frame, "user");
    if (fieldOf(frame, "op") === Op.Ready && typeof user === "string") this.#user = user;
    const due = this.#applyRules({ on: "sent", frame });
    const copies = copiesOf(due);
    if (copies === 0) this.#options.record({ event: "not_sent", frame });
    for (let copy = 0; copy < copies; copy++) {
      this.#pass(has(due, "corrupt") ? firstHalf(text) : text, delayOf(due));
    }
    if (!has(due, "acknowledge")) return;
    this.#listener?.messageReceived(JSON.stringify({ op: Op.HeartbeatAck, time: timeOf(frame) }));
  }

  /** Sends `text` to the client unchanged, past the session. */
  sendRaw(text: string): void {
    this.#pass(text, 0);
  }

  #pass(text: string, delayMs: number): void {
    this.#out.pass(this.faults.delayMs + delayMs, () => {
      const frame = asFrame(text);
      this.#options.record({ event: this.#frozen ? "not_sent" : "sent", frame });
      if (this.#frozen) return;
      if (fieldOf(frame, "op") === Op.Heartbeat) this.#unanswered = timeOf(frame);
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

  /** Drops the connection after what was sent: a runtime cannot while a write is pending. */
  dropFlushed(): void {
    if (this.#over) return;
    this.#dropsWhenFlushed = true;
    this.#options.record({ event: "terminated" });
    this.#end();
    if (!this.#frozen) this.#options.socket.notifyFlushed();
  }

  /** Stops all traffic, as when a cable is pulled; neither side notices. */
  freeze(): void {
    if (this.#frozen) return;
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

  /** Holds up what the peer sends until `holder` is released. */
  holdReceived(holder: string): void {
    this.#in.hold(holder);
  }

  /** Passes on what `holder`, which may be a rule, held up. */
  release(holder: string): void {
    this.#out.release(holder);
    this.#in.release(holder);
  }

  /** Ends the connection in any state. */
  discard(): void {
    const { socket } = this.#options;
    if (!this.#socketGone && !socket.terminate()) socket.close(1012, "the mock gateway was reset");
    this.#end();
  }

  #arrived(data: string | Uint8Array): void {
    const frame = asFrame(data);
    const op = fieldOf(frame, "op");
    // The peer has replied, even if the frame is lost below.
    if (op === Op.HeartbeatAck && timeOf(frame) === this.#unanswered) this.#unanswered = undefined;
    if (op === Op.Identify) this.#identified = true;
    this.#options.changed();
    if (this.#over || this.#ending) return;
    const due = this.#applyRules({ on: "received", frame });
    const copies = this.#frozen ? 0 : copiesOf(due);
    if (copies === 0) return this.#options.record({ event: "not_received", frame });
    const arriving = has(due, "corrupt") ? firstHalf(data) : data;
    for (let copy = 0; copy < copies; copy++) {
      this.#in.pass(this.faults.delayMs + delayOf(due), () => {
        this.#options.record({ event: "received", frame: asFrame(arriving) });
        this.#listener?.messageReceived(arriving);
      });
    }
  }

  /** Applies faults and rules, as far as they do not concern the frame itself. Returns all of them. */
  #applyRules(event: Pick<RuleSubject, "on" | "frame">): readonly DueAction[] {
    const subject = { ...event, connection: this.id, user: this.#user };
    const line = event.on === "sent" ? this.#out : this.#in;
    const due = [...faultActions(this.faults, subject), ...this.#options.rules.apply(subject)];
    for (const { rule, action } of due) {
      if (action.type === "hold") line.hold(rule);
      if (action.type === "send") {
        this.sendRaw("text" in action ? action.text : JSON.stringify(action.frame));
      }
      if ((action.type !== "drop" && action.type !== "close") || this.#ending) continue;
      this.#ending = true;
      // The gateway is not prepared for an end within its call of `send`.
      queueMicrotask(() => {
        if (action.type === "close") return this.forceClose(action.code, action.reason ?? "");
        this.#out.pass(this.faults.delayMs, () => this.dropFlushed());
      });
    }
    return due;
  }

  #cut(): void {
    const { socket } = this.#options;
    // Not every runtime can terminate a connection.
    if (!this.#socketGone && !socket.terminate()) socket.close(1011, "dropped by a rule");
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

/** The faults that are set and match, as actions of rules. */
function faultActions(faults: Faults, subject: RuleSubject): readonly DueAction[] {
  return Object.entries(FAULT_RULES).flatMap(([name, { match = {}, action }]) =>
    faults[name as keyof typeof FAULT_RULES] && matches(match, subject)
      ? [{ rule: name, action }]
      : []
  );
}

function timeOf(frame: Json): Json {
  return fieldOf(frame, "time") ?? null;
}
