/**
 * A WebSocket for the client library on top of {@linkcode RawClient}, with a TCP connection that can end without
 * a close frame: the runtime's own has no way to do that.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { ClientSocket, ClientSocketConstructor } from "../../../client/mod.ts";
import { closeInfo, RawClient } from "./raw_client.ts";
import type { Way } from "./web_socket.ts";
import { WireOp } from "./wire.ts";

/** Connections that can be cut. */
export interface Cuttable {
  readonly WebSocket: ClientSocketConstructor;
  readonly cut: () => void;
}

/** Creates a class of connections that can be cut. */
export function cuttableTo(way: Way): Cuttable {
  const sockets: RawSocket[] = [];
  class Socket extends RawSocket {
    constructor() {
      super(way);
      sockets.push(this);
    }
  }
  return {
    WebSocket: Socket,
    cut: () => {
      for (const socket of sockets.splice(0)) socket.cut();
    },
  };
}

class RawSocket implements ClientSocket {
  onopen: unknown = null;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  readonly #look: (data: unknown) => void;
  #raw: RawClient | undefined;

  constructor({ url, audit }: Way) {
    this.#look = audit.connection();
    void this.#live(url());
  }

  /** Open from the handshake on; data sent after the end is lost. */
  get readyState(): number {
    return this.#raw === undefined ? 0 : 1;
  }

  send(text: string): void {
    this.#try((raw) => raw.text(text));
  }

  close(code = 1000): void {
    this.#try((raw) => raw.close(code));
  }

  cut(): void {
    this.#raw?.[Symbol.dispose]();
  }

  async #live(url: string): Promise<void> {
    let end: { readonly code: number | undefined; readonly reason: string } | undefined;
    try {
      using raw = await RawClient.connect(url);
      this.#raw = raw;
      call(this.onopen, {});
      for (;;) {
        const frame = await raw.nextEver();
        if (frame === undefined) break;
        if (frame.opcode === WireOp.Close) {
          end = closeInfo(frame);
          await raw.close(end.code ?? 1000);
          break;
        }
        assert.equal(frame.opcode, WireOp.Text, "the gateway sends text only");
        const data = new TextDecoder().decode(frame.payload);
        if (this.onmessage !== null) this.#look(data);
        call(this.onmessage, { data });
      }
    } catch {
      // Refused, reset or cut: reported as an end without a close frame.
    }
    call(this.onclose, { code: end?.code ?? 1006, reason: end?.reason ?? "" });
  }

  /** Sends, unless the connection has ended; reading reports that. */
  #try(send: (raw: RawClient) => Promise<void>): void {
    if (this.#raw !== undefined) send(this.#raw).catch(() => undefined);
  }
}

function call(handler: unknown, event: object): void {
  if (typeof handler === "function") handler(event);
}
