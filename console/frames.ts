/**
 * Describes frames for the list: the text as it passed, except that tokens are shortened, so that they do
 * not show in a screenshot, and invisible characters are escaped. Pure.
 *
 * @module
 */

import { fieldOf as propertyOf } from "../client/realm.ts";
import { Op, opName } from "../gateway/protocol/codes.ts";
import { explainClose } from "./closes.ts";
import { visible } from "./text.ts";

/** An event on a socket. */
export type SocketEvent =
  /** The client wants a connection. */
  | { readonly type: "opening"; readonly url: string }
  /** The client wants one and does not get it, because it is kept offline. */
  | { readonly type: "blocked" }
  /** The WebSocket is open. */
  | { readonly type: "opened" }
  /** Text was sent; if it is withheld, the client believes so only. */
  | { readonly type: "sent"; readonly text: string; readonly isWithheld: boolean }
  /** Something came. */
  | { readonly type: "received"; readonly data: unknown }
  /** The client closes it. */
  | { readonly type: "closing" }
  /** It is gone. */
  | { readonly type: "closed"; readonly code: number; readonly reason: string };

/** One row of the list. */
export interface FrameEntry {
  /** Unique and increasing. */
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
  /** The number of the connection, from 1. */
  readonly connection: number;
  /** `withheld`: sent by the client, and held back by the console. */
  readonly kind: "sent" | "received" | "withheld" | "opened" | "closed" | "note";
  readonly op?: number | undefined;
  readonly name: string;
  readonly text: string;
}

type Described = Pick<FrameEntry, "kind" | "op" | "name" | "text">;

/** The part of a token that is shown: less than the header of a JWT. */
const SHOWN_CHARACTERS = 8;

export function isBeat({ op }: FrameEntry): boolean {
  return op === Op.Heartbeat || op === Op.HeartbeatAck;
}

export interface FrameFilter {
  /** Words that must all occur in the direction, op, name or text, in any case. */
  readonly text: string;
  readonly hasBeats: boolean;
}

export function isShown(entry: FrameEntry, { text, hasBeats }: FrameFilter): boolean {
  if (!hasBeats && isBeat(entry)) return false;
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return true;
  const all = `${entry.kind} ${entry.op ?? ""} ${entry.name} ${entry.text}`.toLowerCase();
  return words.every((word) => all.includes(word));
}

/** Returns the row of an event; `undefined` if it is not listed. */
export function describe(event: SocketEvent): Described | undefined {
  switch (event.type) {
    case "opening":
      return { kind: "note", name: "connecting", text: event.url };
    case "opened":
      return { kind: "opened", name: "open", text: "" };
    case "blocked":
      return {
        kind: "note",
        name: "kept offline",
        text: "an attempt of the client, held back until you let it come back",
      };
    case "sent":
      return describeText(event.isWithheld ? "withheld" : "sent", event.text);
    case "received":
      if (typeof event.data === "string") return describeText("received", event.data);
      return { kind: "received", name: "binary", text: "a binary message, which is no frame" };
    case "closing":
      return undefined;
    case "closed": {
      const { name } = explainClose(event.code);
      const text = visible(event.reason);
      return { kind: "closed", name: `closed ${event.code} ${name}`, text };
    }
  }
}

function describeText(kind: FrameEntry["kind"], text: string): Described {
  const op = opOf(text);
  const name = op === undefined ? "not a frame" : opName(op) ?? "unknown op";
  return { kind, op, name, text: visible(withoutTokens(text)) };
}

export function opOf(text: string): number | undefined {
  const op = fieldOf(text, "op");
  return typeof op === "number" ? op : undefined;
}

/** Returns a field of a frame; `undefined` if the text is no frame. */
export function fieldOf(text: string, field: string): unknown {
  try {
    return propertyOf(JSON.parse(text), field);
  } catch {
    return undefined;
  }
}

/** Shortens every token in the text. */
export function withoutTokens(text: string): string {
  return text
    .replace(
      /("token"\s*:\s*")((?:[^"\\]|\\.)*)/g,
      (_, field: string, token: string) => field + shorten(token),
    )
    .replace(RUN, withoutJwt);
}

/** The start of every JWT, signed or encrypted: a JSON object in base64url. */
const JWT_START = "eyJ";
/** A text that may contain a JWT. Runs do not overlap, so matching takes linear time on any input. */
const RUN = /[\w.-]{24,}/g;

/** Shortens the JWT in a run, from the first start that a dot follows. */
function withoutJwt(run: string): string {
  const start = run.indexOf(JWT_START);
  if (start < 0 || !run.includes(".", start)) return run;
  return run.slice(0, start) + shorten(run.slice(start));
}

function shorten(token: string): string {
  if (token.length <= 3 * SHOWN_CHARACTERS) return "…";
  return `${token.slice(0, SHOWN_CHARACTERS)}… (${token.length} characters)`;
}
