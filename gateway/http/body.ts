/**
 * Request bodies: reads JSON within limits of size and time.
 *
 * Every way in which a body can be bad is a value, the response that it deserves. Nothing here knows
 * what a body is for; see `validate.ts`.
 *
 * @module
 */

import type { Clock } from "../ports.ts";
import { problem } from "./problem.ts";

/** What a body may cost. */
export interface BodyLimits {
  /** Longest body, in bytes. */
  readonly maxBodyBytes: number;
  /** How long it may take to arrive, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** For that time. */
  readonly clock: Clock;
}

/** A body that arrived whole and is JSON. */
export interface JsonBody {
  /** As it was sent. */
  readonly bytes: Uint8Array;
  /** What it says. */
  readonly value: unknown;
}

/** What is left of the body is not worth reading for the sake of another request. */
const CLOSE = { connection: "close" };

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads the body of `request` as JSON, or gives the response that refuses it. */
export async function readJson(request: Request, limits: BodyLimits): Promise<JsonBody | Response> {
  const refused = refuseMediaType(request.headers);
  if (refused !== undefined) return refused;
  const bytes = await readBytes(request, limits);
  if (bytes instanceof Response) return bytes;
  try {
    return { bytes, value: JSON.parse(decoder.decode(bytes)) };
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : "it is not UTF-8";
    return problem("invalid_json", `The body is not JSON: ${why}.`);
  }
}

/** Only JSON as it is; a charset may be named, once or more, so long as it is UTF-8. */
function refuseMediaType(headers: Headers): Response | undefined {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    return problem("unsupported_media_type", "The body is compressed; send it as it is.", {
      headers: { "accept-encoding": "identity" },
    });
  }
  const type = headers.get("content-type");
  if (type === "application/json") return undefined;
  const [essence, ...parameters] = (type ?? "").toLowerCase().split(/[;,]/)
    .map((part) => part.trim());
  const isForeign = (parameter: string): boolean =>
    parameter.startsWith("charset=") && !/^charset="?utf-?8"?$/.test(parameter);
  if (essence === "application/json" && !parameters.some(isForeign)) return undefined;
  return problem(
    "unsupported_media_type",
    "Expected the header Content-Type: application/json, in UTF-8.",
    { headers: { accept: "application/json" } },
  );
}

/** Reads the whole body, but no more than is allowed and no longer. */
async function readBytes(request: Request, limits: BodyLimits): Promise<Uint8Array | Response> {
  const { maxBodyBytes } = limits;
  if (Number(request.headers.get("content-length")) > maxBodyBytes) return tooLarge(maxBodyBytes);
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  let timedOut = false;
  const timer = limits.clock.setTimer(limits.bodyTimeoutMs, () => {
    timedOut = true;
    // Makes the read that is waiting end; what the peer still sends is dropped by the runtime.
    reader.cancel().catch(() => {});
  });
  try {
    const bytes = await collect(reader, maxBodyBytes);
    if (timedOut) {
      return problem("request_timeout", "The body did not arrive in time.", { headers: CLOSE });
    }
    if (bytes !== undefined) return bytes;
    reader.cancel().catch(() => {});
    return tooLarge(maxBodyBytes);
  } catch {
    // The stream fails only when the connection does: nobody may be there to read the answer.
    return problem("incomplete_body", "The connection broke before the body was complete.");
  } finally {
    timer.cancel();
  }
}

/** Everything that `reader` gives, or `undefined` once it is more than `maxBytes`. */
async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) return undefined;
    chunks.push(value);
  }
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

function tooLarge(maxBytes: number): Response {
  return problem("body_too_large", `The body is longer than ${maxBytes} bytes.`, {
    headers: CLOSE,
  });
}
