/**
 * Lists deliberate bugs of the client library, simulated at its options and its socket.
 *
 * @module
 */

import type { GatewayClientOptions } from "../../client/mod.ts";
import { type Bug, onceIn } from "./bug.ts";

type Handler = ((event: { readonly data: string }) => void) | null;

/** A socket between library and network that can change frames. */
interface Between {
  /** Replaces a received frame. */
  readonly receive?: (text: string) => readonly string[];
  /** Replaces a sent frame; `answer` replies to the library at once. */
  readonly send?: (text: string, answer: (text: string) => void) => readonly string[];
}

/** Puts a changed socket below the library; calls `make` for each client. */
function between(name: string, make: () => Between): Bug {
  return {
    name,
    make: () => ({
      client: (options: GatewayClientOptions): GatewayClientOptions => {
        if (options.WebSocket === undefined) return options;
        const Real = options.WebSocket;
        const { receive = (text) => [text], send = (text) => [text] } = make();
        return {
          ...options,
          WebSocket: class extends Real {
            constructor(url: string) {
              super(url);
              let handler: Handler = null;
              const deliver = (data: string): void => handler?.({ data });
              const sendOn = this.send.bind(this);
              const received: Handler = ({ data }) => receive(data).forEach(deliver);
              this.onmessage = received;
              Object.defineProperties(this, {
                onmessage: {
                  get: (): Handler => received,
                  set: (given: Handler) => handler = given,
                },
                send: { value: (text: string) => send(text, deliver).forEach(sendOn) },
              });
            }
          },
        };
      },
    }),
  };
}

const isMessage = (text: string): boolean => text.startsWith('{"op":3,');
const isIdentify = (text: string): boolean => text.startsWith('{"op":1,');

export const CLIENT_BUGS: readonly Bug[] = [
  between("the client forgets one message in 500", () => {
    const now = onceIn(500);
    return { receive: (text) => isMessage(text) && now() ? [] : [text] };
  }),
  between("the client delivers two messages in the wrong order", () => {
    const now = onceIn(200);
    let held: string | undefined;
    return {
      receive: (text) => {
        if (!isMessage(text)) return [text];
        if (held !== undefined) {
          const earlier = held;
          held = undefined;
          return [text, earlier];
        }
        if (!now()) return [text];
        held = text;
        return [];
      },
    };
  }),
  between("the client does not send its last_id", () => ({
    send: (text) => {
      if (!isIdentify(text)) return [text];
      const { last_id: _, ...rest } = JSON.parse(text);
      return [JSON.stringify(rest)];
    },
  })),
  between("the client resumes one message too early", () => ({
    send: (text) => {
      if (!isIdentify(text)) return [text];
      const frame = JSON.parse(text);
      const sequence = Number(frame.last_id?.split("-")[1]);
      return [
        sequence > 0 ? JSON.stringify({ ...frame, last_id: `e1-${sequence - 1}` }) : text,
      ];
    },
  })),
  between("the client does not notice that the gateway is gone", () => ({
    send: (text, answer) => {
      if (text.startsWith('{"op":10,')) answer(text.replace('"op":10', '"op":11'));
      return [text];
    },
  })),
  between("the client sends frames of the gateway", () => {
    const now = onceIn(200);
    return { send: (text) => now() ? [text, '{"op":3}'] : [text] };
  }),
];
