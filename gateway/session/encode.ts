/**
 * Encodes frames, once for all connections that receive them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Message, Outgoing, Signal } from "../ports.ts";
import { encode, type MessageFrame, Op, type ServerFrame } from "../protocol/mod.ts";

const encoder = new TextEncoder();

export class Frames implements Outgoing {
  readonly texts: readonly string[];
  readonly bytes: number;
  readonly #payloads: readonly Uint8Array[];
  #wire: Uint8Array | undefined;

  /** @param texts at least one payload */
  constructor(texts: readonly string[]) {
    this.texts = texts;
    this.#payloads = texts.map((text) => encoder.encode(text));
    this.bytes = this.#payloads.reduce((sum, { length }) => sum + length, 0);
  }

  get wire(): Uint8Array {
    return this.#wire ??= toWire(this.#payloads);
  }
}

export function encodeFrame(frame: ServerFrame): Frames {
  return new Frames([encode(frame)]);
}

/** Encodes a Signal frame (op 4), which does not name the recipient of a signal to one user. */
export function encodeSignal({ channel, author, content, time }: Signal): string {
  return encode({
    op: Op.Signal,
    ...channel === undefined ? {} : { channel },
    author,
    content,
    time,
  });
}

/** Consecutive messages to the same audience. */
export interface Run {
  /** At least one, in order. */
  readonly messages: readonly Message[];
  /** One Message frame for each. */
  readonly frames: Outgoing;
}

export class RunEncoder {
  readonly #messages: Message[] = [];
  readonly #texts: string[] = [];
  #length = 0;

  get messages(): number {
    return this.#messages.length;
  }

  /** Characters in all frames. */
  get length(): number {
    return this.#length;
  }

  add(message: Message): void {
    const text = encodeMessage(message);
    this.#messages.push(message);
    this.#texts.push(text);
    this.#length += text.length;
  }

  finish(): Run {
    return { messages: this.#messages, frames: new Frames(this.#texts) };
  }
}

/** Encodes a message for one connection, which was away when it was published. */
export function encodeReplayed(message: Message): Run {
  return { messages: [message], frames: encodeFrame({ ...frameOf(message), replayed: true }) };
}

export function encodeRun(messages: readonly Message[]): Run {
  return { messages, frames: new Frames(messages.map(encodeMessage)) };
}

/** Returns the part of `run` after `sequence`, or `undefined` if there is none. */
export function runAfter(run: Run, sequence: number): Run | undefined {
  const rest = run.messages.filter((message) => message.sequence > sequence);
  if (rest.length === run.messages.length) return run;
  return rest.length === 0 ? undefined : encodeRun(rest);
}

function encodeMessage(message: Message): string {
  return encode(frameOf(message));
}

/** The frame of a message, which does not name the recipient of one to a user. */
function frameOf({ id, channel, author, content, time }: Message): MessageFrame {
  const frame = { op: Op.Message, id, author, content, time };
  return channel === undefined ? frame : { ...frame, channel };
}

/** FIN and the opcode of a text frame (RFC 6455, section 5.2). */
const FINAL_TEXT = 0x81;

/** Concatenates the frames. A server's frames carry no mask, so every peer gets the same bytes. */
function toWire(payloads: readonly Uint8Array[]): Uint8Array {
  const size = payloads.reduce((sum, { length }) => sum + headerBytes(length) + length, 0);
  const wire = Buffer.allocUnsafeSlow(size);
  const view = new DataView(wire.buffer, wire.byteOffset);
  let at = 0;
  for (const payload of payloads) {
    const { length } = payload;
    const header = headerBytes(length);
    wire[at] = FINAL_TEXT;
    if (header === 2) {
      wire[at + 1] = length;
    } else if (header === 4) {
      wire[at + 1] = 126;
      view.setUint16(at + 2, length);
    } else {
      wire[at + 1] = 127;
      view.setBigUint64(at + 2, BigInt(length));
    }
    wire.set(payload, at + header);
    at += header + length;
  }
  return wire;
}

function headerBytes(length: number): 2 | 4 | 10 {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}
