/**
 * Provides the `WebSocket` of a simulated client: a connection of the virtual network that applies
 * the client's `behaviour` to frames.
 *
 * It reports to the checkers what arrives, and what the library must not send.
 *
 * @module
 */

import type { ClientSocket } from "../client/mod.ts";
import { ABNORMAL } from "../gateway/protocol/codes.ts";
import { CLIENT_FAULT_CODES } from "../mock/chaos/client_rules.ts";
import type { Behaviour } from "./behaviour.ts";
import { messageId } from "./delivery.ts";
import type { Device } from "./device.ts";
import type { ClientListener, Link } from "./network.ts";
import type { OddFrame } from "./pipe.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { Rule } from "./rules.ts";
import { tokenOf, tokenText } from "./verifier.ts";
import type { WorldDeps } from "./world_deps.ts";

export interface SocketOwner {
  readonly device: Device;
  readonly behaviour: Behaviour;
  identifies(
    lastId: string | undefined,
    socket: Pick<SimulatedSocket, "ready" | "link">,
  ): void;
  arriving(id: string): void;
  arrived(id: string): void;
  positioned(lastId: string): void;
  /** An Identify was sent. */
  identified(): void;
  report(rule: Rule, explanation: string, link: Link | undefined): void;
  say(link: Link, what: string): void;
}

export interface SocketDeps {
  readonly world: WorldDeps;
  readonly random: Random;
  readonly client: SocketOwner;
}

interface Identify {
  readonly op: 1;
  readonly token: string;
  readonly last_id?: string;
}

const ACK = '{"op":11,"time":';
/** Time until an attempt without network fails, in milliseconds. */
const OFFLINE_MS = 20;
/** Time until a close is answered, in milliseconds; no rule depends on it. */
const CLOSED_MS = 50;

export class SimulatedSocket implements ClientSocket, ClientListener {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  onerror: unknown = null;
  readonly #deps: SocketDeps;
  readonly #link: Link | undefined;
  /** A fault sent something that the library did not. */
  #provoked = false;
  #opened = false;
  #ready = false;
  #over = false;

  /** Starts to connect; fails if `address` is undefined, which means no network. */
  constructor(deps: SocketDeps, address: string | undefined) {
    this.#deps = deps;
    const { world } = deps;
    if (address === undefined) {
      world.clock.setTimer(OFFLINE_MS, () => this.#fail());
    } else {
      this.#link = world.network.connect(address, this);
      world.count("connections");
    }
  }

  /** Undefined once closed. */
  get link(): Link | undefined {
    return this.#over ? undefined : this.#link;
  }

  /** As in the WebSocket standard, without CLOSING. */
  get readyState(): number {
    return this.#over ? 3 : this.#opened ? 1 : 0;
  }

  get ready(): boolean {
    return this.#ready && !this.#over;
  }

  send(text: string): void {
    if (this.#over) return;
    if (text.startsWith(ACK)) this.#acknowledge(text);
    else if (text.startsWith('{"op":1,')) this.#identify(JSON.parse(text));
    else this.#link?.clientSend(text);
  }

  close(): void {
    if (this.#over) return;
    this.#detach();
    this.#link?.clientClose();
    this.#deps.world.clock.setTimer(CLOSED_MS, () => this.onclose?.({ code: 1000, reason: "" }));
  }

  /** Breaks the connection; the library sees 1006. */
  break(): void {
    if (this.#over) return;
    this.#link?.clientGone("reset");
    this.#fail();
  }

  /** Sends `data` in addition to the library's frames. */
  sendRaw(data: string | Uint8Array | OddFrame): void {
    this.#provoked = true;
    this.link?.clientSend(data);
  }

  /** Sends Identify in addition to the library's. */
  sendIdentify(token: string, lastId: string | undefined): void {
    this.#sendIdentify({ op: 1, token, ...(lastId === undefined ? {} : { last_id: lastId }) });
  }

  received(text: string): void {
    const { world, client } = this.#deps;
    const link = this.#link;
    if (this.#over || link === undefined) return;
    if (!this.#opened) {
      this.#opened = true;
      this.onopen?.();
    }
    if (text.startsWith('{"op":3,')) {
      const id = messageId(text);
      world.checker.clientReceived(link, id, text);
      client.arriving(id);
      this.onmessage?.({ data: text });
      return client.arrived(id);
    }
    if (text.startsWith('{"op":4,')) world.checker.clientReceivedSignal(link, text);
    if (text.startsWith('{"op":2,')) {
      const lastId = String(JSON.parse(text).last_id);
      world.checker.clientReady(link, lastId);
      this.#ready = true;
      client.positioned(lastId);
    }
    this.onmessage?.({ data: text });
  }

  closed(code: number | undefined): void {
    const link = this.#link;
    if (this.#over || link === undefined) return;
    const { client } = this.#deps;
    client.say(link, code === undefined ? "loses its connection" : `is closed with ${code}`);
    if (code !== undefined && CLIENT_FAULT_CODES.has(code) && !this.#provoked) {
      client.report("the client obeys the protocol", `it was closed with ${code}`, link);
    }
    if (code !== undefined && client.behaviour.answersClose) link.clientAnswersClose(code);
    this.#detach();
    this.onclose?.({ code: code ?? ABNORMAL, reason: "" });
  }

  #fail(): void {
    if (this.#over) return;
    this.#detach();
    this.onclose?.({ code: ABNORMAL, reason: "" });
  }

  #detach(): void {
    this.#over = true;
    if (this.#link !== undefined) this.#deps.world.checker.clientDetached(this.#link);
  }

  #acknowledge(text: string): void {
    const { client, random } = this.#deps;
    const { acks, maxAckMs } = client.behaviour;
    if (acks === "never") return;
    const ack = acks === "wrong" ? `${ACK}${Number(text.slice(ACK.length, -1)) - 1}}` : text;
    const send = (): void => {
      this.link?.clientSend(ack);
      if (acks === "twice") this.link?.clientSend(ack);
    };
    if (maxAckMs === 0) send();
    else client.device.setTimer(random.int(0, maxAckMs), send);
  }

  #identify(frame: Identify): void {
    const { client, random } = this.#deps;
    const { device, behaviour } = client;
    client.identifies(frame.last_id, this);
    if (this.#ready) return this.#sendIdentify(frame);
    const manner = behaviour.identifies;
    behaviour.identifies = "prompt";
    if (manner === "never") return;
    const thinkMs = manner === "late" ? random.int(9000, 11_000) : random.int(0, 200);
    device.setTimer(thinkMs, () => {
      this.#sendIdentify(frame);
      if (manner !== "twice") return;
      device.setTimer(random.int(0, 40), () => this.#sendIdentify(frame));
    });
  }

  /** Gives each token a serial, so that a verdict can be matched to its Identify. */
  #sendIdentify(frame: Identify): void {
    const { world } = this.#deps;
    const token = { ...tokenOf(frame.token), serial: world.nextSerial() };
    // The time of issue does not matter; the token's own times count.
    this.link?.clientSend(
      JSON.stringify({ ...frame, token: tokenText(token, token.expiresAtMs) }),
    );
    this.#deps.client.identified();
  }
}
