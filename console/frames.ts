/**
 * Frames as the page lists them: what passed on a socket, with the name of its op and without the token.
 *
 * Pure. What is listed is the text as it passed, but for the token, which nobody may read over a shoulder or in
 * a screenshot, and for characters that nobody would see.
 *
 * @module
 */

import { Op, opName } from "../gateway/protocol/codes.ts";
import { explainClose } from "./closes.ts";
import { visible } from "./text.ts";

/** What happens on a socket. */
export type SocketEvent =
  /** The client wants a connection. */
  | { readonly type: "opening"; readonly url: string }
  /** The client wants one and does not get it, because it is kept away. */
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
  /** Counts up, so that rows are told apart. */
  readonly seq: number;
  /** When, in unix milliseconds. */
  readonly at: number;
  /** Which connection of this page it belongs to, from 1. */
  readonly connection: number;
  /** `withheld` is what the client meant to send and the console did not let through. */
  readonly kind: "sent" | "received" | "withheld" | "opened" | "closed" | "note";
  readonly op?: number | undefined;
  readonly name: string;
  readonly text: string;
}

/** What an entry says beside its number and time. */
type Described = Pick<FrameEntry, "kind" | "op" | "name" | "text">;

/** How much of a token is shown: less than the header of a JWT. */
const SHOWN_CHARACTERS = 8;

/** Whether it belongs to the heartbeats, which a list may leave out. */
export function isBeat({ op }: FrameEntry): boolean {
  return op === Op.Heartbeat || op === Op.HeartbeatAck;
}

/** What of the list is wanted. */
export interface FrameFilter {
  /** Words, all of which a frame has to have in its direction, op, name or text, in whatever case. */
  readonly text: string;
  readonly hasBeats: boolean;
}

/** Whether an entry passes the filter. */
export function isShown(entry: FrameEntry, { text, hasBeats }: FrameFilter): boolean {
  if (!hasBeats && isBeat(entry)) return false;
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return true;
  const all = `${entry.kind} ${entry.op ?? ""} ${entry.name} ${entry.text}`.toLowerCase();
  return words.every((word) => all.includes(word));
}

/** How an event of a socket is listed; `undefined` for what is not. */
export function describe(event: SocketEvent): Described | undefined {
  switch (event.type) {
    case "opening":
      return { kind: "note", name: "connecting", text: event.url };
    case "opened":
      return { kind: "opened", name: "open", text: "" };
    case "blocked":
      return {
        kind: "note",
        name: "kept away",
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

/** The op of a frame, if it is one. */
export function opOf(text: string): number | undefined {
  const op = fieldOf(text, "op");
  return typeof op === "number" ? op : undefined;
}

/** A field of a frame; `undefined` if the text is no frame. */
export function fieldOf(text: string, field: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value instanceof Object ? Reflect.get(value, field) : undefined;
  } catch {
    return undefined;
  }
}

/** The text with every token in it shortened. */
export function withoutTokens(text: string): string {
  return text
    .replace(
      /("token"\s*:\s*")((?:[^"\\]|\\.)*)/g,
      (_, field: string, token: string) => field + shorten(token),
    )
    .replace(RUN, withoutJwt);
}

/** Every JWT begins with it, signed or encrypted: the start of a JSON object in base64url. */
const JWT_START = "eyJ";
/**
 * Where a JWT can be, as a whole: runs touch nowhere, so that each character is looked at once, whatever
 * somebody sends.
 */
const RUN = /[\w.-]{24,}/g;

/** A run without the JWT in it, from the first start that a dot follows. */
function withoutJwt(run: string): string {
  const start = run.indexOf(JWT_START);
  if (start < 0 || !run.includes(".", start)) return run;
  return run.slice(0, start) + shorten(run.slice(start));
}

function shorten(token: string): string {
  if (token.length <= 3 * SHOWN_CHARACTERS) return "…";
  return `${token.slice(0, SHOWN_CHARACTERS)}… (${token.length} characters)`;
}
