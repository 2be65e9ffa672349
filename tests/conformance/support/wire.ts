/**
 * WebSocket frames as bytes (RFC 6455, section 5): `encodeFrame` for clients, `parseFrame` for servers. It can
 * also encode what RFC 6455 forbids, to test the gateway's reaction.
 *
 * No I/O.
 *
 * @module
 */

/** WebSocket opcodes, which are not those of the gateway's protocol. */
export const WireOp = {
  Continuation: 0,
  Text: 1,
  Binary: 2,
  Close: 8,
  Ping: 9,
  Pong: 10,
} as const;

/** A frame to send, by default an ordinary text frame. */
export interface FrameSpec {
  readonly opcode?: number;
  readonly fin?: boolean;
  /** Clients must mask. */
  readonly masked?: boolean;
  readonly payload?: Uint8Array | string;
  /** The length in the header, if it is not that of `payload`. */
  readonly announcedBytes?: number;
}

export interface WireFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
}

export function encodeFrame(spec: FrameSpec): Uint8Array<ArrayBuffer> {
  const { opcode = WireOp.Text, fin = true, masked = true, payload = "" } = spec;
  const data = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const length = spec.announcedBytes ?? data.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const maskAt = 2 + extended;
  const dataAt = maskAt + (masked ? 4 : 0);
  const bytes = new Uint8Array(dataAt + data.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = (fin ? 0x80 : 0) | opcode;
  bytes[1] = (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  bytes.set(data, dataAt);
  if (masked) {
    const mask = crypto.getRandomValues(bytes.subarray(maskAt, dataAt));
    for (const [i, byte] of data.entries()) bytes[dataAt + i] = byte ^ (mask[i & 3] ?? 0);
  }
  return bytes;
}

/**
 * The frame at the beginning of `bytes` and its length, or `undefined` while it is incomplete. Throws for what a
 * server must not send.
 */
export function parseFrame(bytes: Uint8Array): { frame: WireFrame; bytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  if ((first & 0x70) !== 0) {
    throw new Error("the server set reserved bits that were not negotiated");
  }
  if ((second & 0x80) !== 0) throw new Error("the server masked a frame");
  const short = second & 0x7f;
  const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
  const dataAt = 2 + extended;
  if (bytes.length < dataAt) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = extended === 0
    ? short
    : extended === 2
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  const end = dataAt + length;
  if (bytes.length < end) return undefined;
  const frame = {
    fin: (first & 0x80) !== 0,
    opcode: first & 0x0f,
    payload: bytes.slice(dataAt, end),
  };
  return { frame, bytes: end };
}
