/**
 * Plays the gateway's part of one recorded connection to a client that is connected now.
 *
 * @module
 */

import type { Clock, Json, Timer } from "../../gateway/ports.ts";
import { Op } from "../../gateway/protocol/mod.ts";
import { Frames } from "../../gateway/session/encode.ts";
import type { Link } from "../gateway/link.ts";
import { asFrame, fieldOf, opOf, type TranscriptEntry } from "../gateway/transcript.ts";
import { intervalOf } from "./recording.ts";

export interface PartOptions {
  readonly link: Link;
  /** The entries of one connection. */
  readonly script: readonly TranscriptEntry[];
  readonly clock: Clock;
  /** The time for the answer to a close frame, in milliseconds. */
  readonly closeGraceMs: number;
  /** The time for the first Identify, in milliseconds; longer if the recorded client took longer. */
  readonly identifyTimeoutMs: number;
  /** Called when the gateway would close because the client is silent. */
  readonly silent: (explanation: string) => void;
  /** Called at the end. */
  readonly gone: (end: PartEnd) => void;
}

export interface PartEnd {
  /** The code if this side has closed. */
  readonly code: number | undefined;
  /** The client had a session. */
  readonly wasReady: boolean;
}

/** How long what followed the ACK of a heartbeat waits for one, in milliseconds; a client that is there needs none. */
const ACK_MS = 1;

/** Frames that keep no place in the order: Hello, which is first, and answers to what the client sends. */
const FREE: ReadonlySet<Json | undefined> = new Set([Op.Hello, Op.Ready, Op.HeartbeatAck]);

/**
 * Keeps the recorded order, and the recorded times since the connection opened. What followed the client's first
 * Identify waits for its Identify. A client sends later ones and its heartbeats at other times than it did in the
 * recording, so they are answered when they come.
 */
export class Part {
  readonly #options: PartOptions;
  readonly #startMs: number;
  /** Entries that are still to come, without answers. */
  readonly #script: TranscriptEntry[];
  /** The milliseconds to the ACK of each recorded heartbeat; `undefined` if there was none. */
  readonly #ackDelays: (number | undefined)[];
  /** The time of the last recorded frame of the gateway. */
  readonly #aliveUntilMs: number;
  #timer: Timer | undefined;
  #identifyLimit: Timer | undefined;
  #isIdentified = false;
  /** The client has not answered the last heartbeat. */
  #owesAck = false;
  /** The heartbeat that is to be acknowledged within the interval. */
  #beat: { readonly time: Json | undefined; readonly limit: Timer } | undefined;
  #isGone = false;
  #ready: Json | undefined;
  /** The id up to which messages were sent. */
  #position: Json | undefined;
  #code: number | undefined;

  constructor(options: PartOptions) {
    const { link, script, clock } = options;
    const sent = script.filter(({ event }) => event === "sent");
    const ready = sent.find((entry) => opOf(entry) === Op.Ready);
    this.#options = options;
    this.#startMs = clock.now() - (script[0]?.at ?? 0);
    // A client may identify before Hello; another may wait for it.
    const hello = sent.filter((entry) => opOf(entry) === Op.Hello);
    const others = script.filter((entry) =>
      entry === ready || entry.event !== "sent" || !FREE.has(opOf(entry))
    );
    this.#script = [...hello, ...others];
    this.#ackDelays = ackDelays(script);
    this.#aliveUntilMs = this.#startMs + (sent.at(-1)?.at ?? 0);
    link.listen({
      messageReceived: (data) => this.#received(asFrame(data)),
      controlReceived: () => {},
      violated: (code) => this.#close(code, ""),
      flushed: () => {},
      closed: () => this.#closed(),
    });
  }

  start(): void {
    const { script, identifyTimeoutMs } = this.#options;
    const identify = script.find(isIdentify);
    if (identify !== undefined) {
      const limitMs = Math.max(identifyTimeoutMs, identify.at - (script[0]?.at ?? 0) + 1);
      const fault = "no Identify in time: the gateway closes with 4004";
      this.#identifyLimit = this.#limit(limitMs, fault);
    }
    this.#proceed();
  }

  /** Plays all that is due. */
  #proceed(): void {
    const { clock } = this.#options;
    for (let entry = this.#script[0]; entry !== undefined && !this.#isGone;) {
      const delayMs = this.#startMs + entry.at - clock.now();
      if (delayMs > 0) {
        this.#timer = clock.setTimer(delayMs, () => this.#proceed());
        return;
      }
      if (isIdentify(entry) && !this.#isIdentified) return;
      if (this.#owesAck && entry.event === "received" && opOf(entry) === Op.HeartbeatAck) {
        this.#timer = clock.setTimer(ACK_MS, () => this.#acknowledged());
        return;
      }
      this.#script.shift();
      this.#play(entry);
      entry = this.#script[0];
    }
  }

  #play(entry: TranscriptEntry): void {
    const { link } = this.#options;
    switch (entry.event) {
      case "sent":
        return this.#send(entry.frame);
      case "close_sent":
        return this.#close(entry.code, entry.reason);
      case "terminated":
        return link.dropFlushed();
      case "frozen":
        return link.freeze();
      case "gone":
        // The gateway gave it up; others end with what comes before, or when the client ends them.
        if (link.frozen) link.terminate();
    }
  }

  #send(frame: Json): void {
    const op = fieldOf(frame, "op");
    if (op === Op.Ready) {
      this.#ready ??= frame;
      this.#position ??= fieldOf(frame, "last_id");
    }
    if (op === Op.Heartbeat) this.#expectAck(fieldOf(frame, "time"));
    if (op === Op.Message) this.#position = fieldOf(frame, "id");
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.#options.link.send(new Frames([text]));
  }

  #expectAck(time: Json | undefined): void {
    this.#owesAck = true;
    if (this.#beat !== undefined) return;
    const intervalMs = intervalOf(this.#options.script) ?? Infinity;
    const fault = "a heartbeat is not acknowledged: the gateway closes with 4002";
    this.#beat = { time, limit: this.#limit(intervalMs, fault) };
  }

  /** Blames the client unless it reacts within `ms`. */
  #limit(ms: number, fault: string): Timer {
    const { link, clock, silent } = this.#options;
    return clock.setTimer(ms, () => {
      if (this.#code === undefined && !link.frozen && !this.#isGone) silent(fault);
    });
  }

  #close(code: number, reason: string): void {
    const { link, clock, closeGraceMs } = this.#options;
    this.#code = code;
    link.close(code, reason);
    this.#timer = clock.setTimer(closeGraceMs, () => link.terminate());
  }

  #received(frame: Json): void {
    if (this.#code !== undefined) return;
    const op = fieldOf(frame, "op");
    if (op === Op.Heartbeat) this.#acknowledge(fieldOf(frame, "time") ?? null);
    if (op === Op.HeartbeatAck) this.#gotAck(fieldOf(frame, "time"));
    if (op !== Op.Identify) return;
    if (this.#ready !== undefined) {
      const [user, last_id] = [fieldOf(this.#ready, "user"), this.#position];
      return this.#send({ op: Op.Ready, user: user ?? null, last_id: last_id ?? null });
    }
    this.#isIdentified = true;
    this.#identifyLimit?.cancel();
    this.#timer?.cancel();
    this.#proceed();
  }

  #gotAck(time: Json | undefined): void {
    if (this.#beat?.time === time) {
      this.#beat?.limit.cancel();
      this.#beat = undefined;
    }
    if (this.#owesAck) this.#acknowledged();
  }

  #acknowledged(): void {
    this.#owesAck = false;
    this.#timer?.cancel();
    this.#proceed();
  }

  #acknowledge(time: Json): void {
    const { clock } = this.#options;
    const send = (): void => {
      if (!this.#isGone) this.#send({ op: Op.HeartbeatAck, time });
    };
    // The recorded client may have sent fewer.
    if (this.#ackDelays.length === 0) {
      if (clock.now() <= this.#aliveUntilMs) send();
      return;
    }
    const delayMs = this.#ackDelays.shift();
    if (delayMs === 0) return send();
    if (delayMs !== undefined) clock.setTimer(delayMs, send);
  }

  #closed(): void {
    this.#isGone = true;
    this.#timer?.cancel();
    this.#identifyLimit?.cancel();
    this.#beat?.limit.cancel();
    this.#options.gone({ code: this.#code, wasReady: this.#ready !== undefined });
  }
}

function isIdentify(entry: TranscriptEntry | undefined): boolean {
  return entry?.event === "received" && opOf(entry) === Op.Identify;
}

/** Of each heartbeat of the client, in order. */
function ackDelays(script: readonly TranscriptEntry[]): (number | undefined)[] {
  const acks = script.filter((entry) => entry.event === "sent" && opOf(entry) === Op.HeartbeatAck);
  return script
    .filter((entry) => entry.event === "received" && opOf(entry) === Op.Heartbeat)
    .map(({ at }, index) => {
      const ack = acks[index];
      return ack && Math.max(0, ack.at - at);
    });
}
