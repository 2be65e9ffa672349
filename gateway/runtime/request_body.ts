/**
 * Reads the body of a web `Request` within limits of size and time.
 *
 * @module
 */

import type { BodyFailure, BodyLimits, BodyShare, Clock } from "../ports.ts";

/**
 * Turns of the microtask queue before a timer is set. A body that arrived with its head is read after three (Deno
 * 2.9.6), and a timer costs as much as reading it.
 */
const TURNS_WITHOUT_TIMER = 4;

/**
 * Longest declared length that is read whole. `Request.bytes()` allocates all of it at once: a declared 4 MiB of
 * which 1 KB arrived held 1.3 MB.
 */
const MAX_WHOLE_BYTES = 16 * 1024;

/** See {@linkcode Exchange.readBody}. */
export async function readBody(
  request: Request,
  clock: Clock,
  { maxBytes, timeoutMs, budget }: BodyLimits,
): Promise<Uint8Array | BodyFailure> {
  const declared = request.headers.get("content-length");
  if (Number(declared) > maxBytes) return "too_large";
  const share = budget.begin();
  if (share === undefined) return "overloaded";
  try {
    const isShort = declared !== null && Number(declared) <= MAX_WHOLE_BYTES;
    const reading = isShort
      ? readWhole(request, maxBytes)
      : readStream(request, { maxBytes, share });
    return await inTime(reading, clock, timeoutMs);
  } finally {
    share.release();
  }
}

interface Reading {
  readonly body: Promise<Uint8Array | BodyFailure>;
  /** Stops reading. */
  abandon(): void;
}

/**
 * Reads a body of declared length. The server enforces that length, so chunks need not be counted, which saves
 * 15 % of the CPU of a bare server's request. Cannot be abandoned: a late body is held until the peer ends the
 * connection. In Deno 2.9.6 a pending read of the body holds the connection: neither `Connection: close`, nor a
 * response stream that fails, nor cancelling the body before or after the response ends it. Without a pending read
 * the last two do, but only a pending read tells that a body arrives.
 */
function readWhole(request: Request, maxBytes: number): Reading {
  const body = request.bytes().then(
    (bytes) => bytes.byteLength > maxBytes ? "too_large" : bytes,
    () => "broken" as const,
  );
  return { body, abandon: () => {} };
}

function readStream(request: Request, limits: StreamLimits): Reading {
  if (request.body === null) return { body: Promise.resolve(new Uint8Array()), abandon: () => {} };
  const reader = request.body.getReader();
  // Ends the pending read; the runtime drops what the peer still sends.
  const abandon = (): void => void reader.cancel().catch(() => {});
  const body = collect(reader, limits).then(
    (bytes) => {
      if (typeof bytes === "string") abandon();
      return bytes;
    },
    // The stream fails only with the connection.
    () => "broken" as const,
  );
  return { body, abandon };
}

interface StreamLimits extends Pick<BodyLimits, "maxBytes"> {
  readonly share: BodyShare;
}

async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { maxBytes, share }: StreamLimits,
): Promise<Uint8Array | "too_large" | "overloaded"> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) return "too_large";
    if (!share.holds(length)) return "overloaded";
    // Even a short chunk may be a view of a 64 KiB buffer.
    const isLoose = value.byteLength * 2 < value.buffer.byteLength;
    chunks.push(isLoose ? value.slice() : value);
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

async function inTime(
  { body, abandon }: Reading,
  clock: Clock,
  timeoutMs: number,
): Promise<Uint8Array | BodyFailure> {
  let arrived: Uint8Array | BodyFailure | undefined;
  const arriving = body.then((result) => arrived = result);
  for (let turn = 0; turn < TURNS_WITHOUT_TIMER; turn++) {
    await undefined;
    if (arrived !== undefined) return arrived;
  }
  return await new Promise((resolve) => {
    const timer = clock.setTimer(timeoutMs, () => {
      resolve("timed_out");
      abandon();
    });
    void arriving.then((result) => {
      timer.cancel();
      resolve(result);
    });
  });
}
