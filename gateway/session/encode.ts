/**
 * Frames in the form in which they are sent: encoded once, however many connections receive them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Message, Outgoing } from "../ports.ts";
import { encode, type MessageFrame, Op, type ServerFrame } from "../protocol/mod.ts";

const encoder = new TextEncoder();

/** Text frames of the server, ready to be sent to anybody. */
export class Frames implements Outgoing {
  readonly texts: readonly string[];
  readonly bytes: number;
  readonly #payloads: readonly Uint8Array[];
  #wire: Uint8Array | undefined;

  /** Encodes the payload of each frame; `texts` has at least one. */
  constructor(texts: readonly string[]) {
    this.texts = texts;
    this.#payloads = texts.map((text) => encoder.encode(text));
    this.bytes = this.#payloads.reduce((sum, { length }) => sum + length, 0);
  }

  get wire(): Uint8Array {
    return this.#wire ??= toWire(this.#payloads);
  }
}

/** The frame of anything but a message. */
export function encodeFrame(frame: ServerFrame): Frames {
  return new Frames([encode(frame)]);
}

/** Consecutive messages to the same audience. */
export interface Run {
  /** At least one, in order. */
  readonly messages: readonly Message[];
  /** The Message frame of each. */
  readonly frames: Outgoing;
}

/** Puts a run together. */
export class RunEncoder {
  readonly #messages: Message[] = [];
  readonly #texts: string[] = [];
  #length = 0;

  /** How many messages it has. */
  get messages(): number {
    return this.#messages.length;
  }

  /** Characters of their frames. */
  get length(): number {
    return this.#length;
  }

  /** Encodes `message` as the next. */
  add(message: Message): void {
    const text = encodeMessage(message);
    this.#messages.push(message);
    this.#texts.push(text);
    this.#length += text.length;
  }

  /** The run of what was added. */
  finish(): Run {
    return { messages: this.#messages, frames: new Frames(this.#texts) };
  }
}

/** A run of `messages`. */
export function encodeRun(messages: readonly Message[]): Run {
  return { messages, frames: new Frames(messages.map(encodeMessage)) };
}

/** The part of `run` after `sequence`, or `undefined` if there is none. */
export function runAfter(run: Run, sequence: number): Run | undefined {
  const rest = run.messages.filter((message) => message.sequence > sequence);
  if (rest.length === run.messages.length) return run;
  return rest.length === 0 ? undefined : encodeRun(rest);
}

/** The text of a Message frame (op 3). The recipient of a message to one user is not in it. */
function encodeMessage({ id, channel, author, content, time }: Message): string {
  // The content came from JSON, so it is the JSON that the schema's type means.
  const frame = { op: Op.Message, id, author, content, time } as MessageFrame;
  return encode(channel === undefined ? frame : { ...frame, channel });
}

/** FIN and the opcode of a text frame (RFC 6455, section 5.2). */
const FINAL_TEXT = 0x81;

/** Unmasked frames, one behind the other. A server's frames have no mask, so that everybody's are the same bytes. */
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
