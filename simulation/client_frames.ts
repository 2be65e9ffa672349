/**
 * Classifies client messages from the protocol's text, independently of the gateway's decoder, so
 * that the two can be compared (docs/protocol.md, "Malformed frames").
 *
 * @module
 */

/** A client's message, or the close code that it must cause. */
export type Meaning =
  | {
    readonly kind: "identify";
    readonly token: string;
    readonly lastId: string | undefined;
    readonly signals: boolean;
  }
  | { readonly kind: "heartbeat"; readonly time: number }
  | { readonly kind: "ack"; readonly time: number }
  | { readonly kind: "fault"; readonly code: 4001 | 1009 };

const MALFORMED: Meaning = { kind: "fault", code: 4001 };
const PLAIN = /^\{"op":1([01]),"time":(0|[1-9]\d{0,14})\}$/;
const encoder = new TextEncoder();

/** Classifies `data` for a gateway that accepts frames of up to `maxBytes`. */
export function meaningOf(data: string | Uint8Array, maxBytes: number): Meaning {
  if (typeof data === "string") {
    const plain = PLAIN.exec(data);
    if (plain !== null) {
      return { kind: plain[1] === "0" ? "heartbeat" : "ack", time: Number(plain[2]) };
    }
  }
  const bytes = typeof data === "string" ? encoder.encode(data).length : data.length;
  if (bytes > maxBytes) return { kind: "fault", code: 1009 };
  if (typeof data !== "string") return MALFORMED;
  try {
    return ofFrame(JSON.parse(data));
  } catch {
    return MALFORMED;
  }
}

function ofFrame(frame: unknown): Meaning {
  if (frame === null || typeof frame !== "object" || Array.isArray(frame)) return MALFORMED;
  const fields = new Map<string, unknown>(Object.entries(frame));
  const [op, time, token, lastId, signals] = ["op", "time", "token", "last_id", "signals"]
    .map((key) => fields.get(key));
  if (op === 10 || op === 11) {
    if (typeof time !== "number" || !Number.isSafeInteger(time) || time < 0) return MALFORMED;
    return { kind: op === 10 ? "heartbeat" : "ack", time };
  }
  if (op !== 1 || typeof token !== "string" || token === "") return MALFORMED;
  if (lastId !== undefined && typeof lastId !== "string") return MALFORMED;
  if (signals !== undefined && typeof signals !== "boolean") return MALFORMED;
  return { kind: "identify", token, lastId, signals: signals === true };
}
