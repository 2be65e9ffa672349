/**
 * A message in the form in which it is sent: encoded once, however many receive it.
 *
 * @module
 */

import type { Message } from "./ports.ts";
import { encode, type MessageFrame, Op } from "./protocol/mod.ts";

/** A Message frame, ready to be sent to anybody. */
export interface Encoded {
  /** The message that the frame carries. */
  readonly message: Message;
  /** The frame's text. */
  readonly text: string;
  /** Bytes of `text` in UTF-8. */
  readonly bytes: number;
}

const encoder = new TextEncoder();

/** Encodes `message` as the frame of op 3. The recipient of a message to one user is not in it. */
export function encodeMessage(message: Message): Encoded {
  const { id, channel, author, content, time } = message;
  // The content came from JSON, so it is the JSON that the schema's type means.
  const frame = { op: Op.Message, id, author, content, time } as MessageFrame;
  const text = encode(channel === undefined ? frame : { ...frame, channel });
  return { message, text, bytes: encoder.encode(text).length };
}
