/**
 * The protocol of each server from the WebSocket handshake to its first message, and the way to count
 * deliveries. No I/O.
 *
 * @module
 */

export const CHANNEL = "bench";
/** Occurs once in every message, and nowhere else in a server's output. */
export const MARKER = "~";

/** The next step of a handshake: text to send, or that it is complete. */
export interface Step {
  readonly send?: string;
  readonly open?: boolean;
}

/** A server's protocol. */
export interface Protocol {
  /** Path and query of the handshake. */
  readonly path: string;
  readonly binary?: boolean;
  /** True if a frame may hold several messages. Then markers are counted instead of frames. */
  readonly packs?: boolean;
  /** Returns the step after a frame of the server; `undefined` is the WebSocket handshake. */
  readonly step: (text: string | undefined, token: string) => Step;
}

const OPEN: Step = { open: true };
const WAIT: Step = {};

/** Servers without a protocol of their own. */
export const BARE: Protocol = { path: "/", step: () => OPEN };

/** Hello, Identify, Ready. */
export const GATEWAY: Protocol = {
  path: "/gateway",
  step(text, token) {
    if (text === undefined) return WAIT;
    const { op }: { readonly op: number } = JSON.parse(text);
    if (op === 0) return { send: JSON.stringify({ op: 1, token }) };
    if (op === 2) return OPEN;
    throw new Error(`the gateway sent ${text} instead of Ready`);
  },
};

/** Version 4 of Engine.IO and version 5 of Socket.IO's protocol. */
export const SOCKET_IO: Protocol = {
  path: "/socket.io/?EIO=4&transport=websocket",
  step(text) {
    if (text?.startsWith("0{")) return { send: "40" };
    return text?.startsWith("40{") ? OPEN : WAIT;
  },
};

/** The JSON protocol of Centrifugo's bidirectional WebSocket; replies may share a frame. */
export const CENTRIFUGO: Protocol = {
  path: "/connection/websocket",
  packs: true,
  step(text) {
    if (text === undefined) {
      const subscribe = JSON.stringify({ id: 2, subscribe: { channel: CHANNEL } });
      return { send: `{"id":1,"connect":{}}\n${subscribe}` };
    }
    if (text.includes('"error"')) throw new Error(`Centrifugo answered ${text}`);
    return text.includes('"id":2') ? OPEN : WAIT;
  },
};

/** The NATS protocol over WebSocket, for a subscriber. */
export const NATS: Protocol = nats(`SUB ${CHANNEL} 1\r\n`);
/** The same for a publisher. */
export const NATS_PUBLISHER: Protocol = nats("");

function nats(subscribe: string): Protocol {
  return {
    path: "/",
    binary: true,
    packs: true,
    step(text) {
      if (text?.startsWith("INFO")) {
        return { send: `CONNECT {"verbose":false}\r\n${subscribe}PING\r\n` };
      }
      if (text?.startsWith("-ERR")) throw new Error(`nats-server answered ${text}`);
      return text?.includes("PONG") ? OPEN : WAIT;
    },
  };
}
