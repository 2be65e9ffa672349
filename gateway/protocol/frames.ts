/**
 * Decodes frames of clients and encodes those of the server (docs/protocol.md, "Frames"); `schemas.ts`
 * defines which are valid. Never throws for input of a peer: a fault is a value with its close code.
 *
 * @module
 */

import { CloseCode, opName } from "./codes.ts";
import type { ClientFrame, ServerFrame } from "./frame_types.ts";
import { CLIENT_SCHEMAS } from "./schemas.ts";

export type { Json } from "./json_type.ts";
export type * from "./frame_types.ts";

/** The result of {@linkcode decode}: a frame, or the close code for the fault. */
export type Decoded =
  | { readonly ok: true; readonly frame: ClientFrame }
  | {
    readonly ok: false;
    readonly code: typeof CloseCode.Malformed.code | typeof CloseCode.MessageTooBig.code;
    /** The fault and what was expected; at most 123 bytes, so that it fits a close frame. */
    readonly reason: string;
  };

/**
 * Reads one WebSocket message of a client (docs/protocol.md, "Frames" and "Malformed frames").
 *
 * @param data the text of the message, or its bytes when it was a binary one
 * @param maxFrameBytes longest frame accepted, in bytes of UTF-8
 */
export function decode(data: string | Uint8Array, maxFrameBytes: number): Decoded {
  const bytes = typeof data === "string" ? utf8Length(data, maxFrameBytes) : data.byteLength;
  if (bytes > maxFrameBytes) {
    return {
      ok: false,
      code: CloseCode.MessageTooBig.code,
      reason: `frame is longer than ${maxFrameBytes} bytes`,
    };
  }
  if (typeof data !== "string") return malformed("binary frame, expected JSON text");
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return malformed("not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed("not a JSON object");
  }
  // `hasOwn`, because a peer chooses the keys: "op" must be the frame's own, not a prototype's.
  const op: unknown = Object.hasOwn(value, "op") ? Reflect.get(value, "op") : undefined;
  if (typeof op !== "number") {
    return malformed(op === undefined ? "op is missing" : "op is not a number");
  }
  const schema = CLIENT_SCHEMAS.get(op);
  if (schema === undefined) {
    const name = opName(op);
    return malformed(
      name === undefined ? "unknown op" : `op ${op} (${name}) is not for clients to send`,
    );
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, frame: parsed.data };
  const issue = parsed.error.issues[0];
  const field = String(issue?.path[0] ?? "frame");
  return malformed(`${field}: ${issue?.message ?? "invalid"}`);
}

/** The text of a frame that the server sends. */
export function encode(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

function malformed(reason: string): Decoded {
  return { ok: false, code: CloseCode.Malformed.code, reason: reason.slice(0, 120) };
}

/** Bytes of `text` in UTF-8, counted only as far as it takes to know that they exceed `limit`. */
function utf8Length(text: string, limit: number): number {
  if (text.length > limit) return text.length;
  if (text.length * 3 <= limit) return text.length;
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
