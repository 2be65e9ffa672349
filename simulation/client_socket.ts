/**
 * The `WebSocket` of a simulated client: one connection of the virtual network, as the client library sees it,
 * on a device that may be in a mood and do to frames what it likes.
 *
 * It tells the checkers what arrives, and what the library sends that it should not.
 *
 * @module
 */

import type { ClientSocket } from "../client/mod.ts";
import type { Behaviour } from "./behaviour.ts";
import { messageId } from "./delivery.ts";
import type { Device } from "./device.ts";
import type { ClientListener, Link } from "./network.ts";
import type { OddFrame } from "./pipe.ts";
import type { Random } from "./random.ts";
import { tokenOf, tokenText } from "./verifier.ts";
import type { WorldDeps } from "./world_deps.ts";

/** The client that a socket belongs to. */
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
  report(rule: string, explanation: string, link: Link | undefined): void;
  say(link: Link, what: string): void;
}

/** What a {@linkcode SimulatedSocket} works with. */
export interface SocketDeps {
  readonly world: WorldDeps;
  readonly random: Random;
  readonly client: SocketOwner;
}

/** An Identify frame. */
interface Identify {
  readonly op: 1;
  readonly token: string;
  readonly last_id?: string;
}

const ACK = '{"op":11,"time":';
const ABNORMAL = 1006;
/** How long an attempt takes to fail where there is no network, in milliseconds. */
const OFFLINE_MS = 20;
/** How long the answer to a close frame takes; nobody depends on it. */
const CLOSED_MS = 50;
/** With which the gateway closes who does not keep to the protocol. */
const FAULTS: ReadonlySet<number> = new Set([1009, 4001, 4008]);

/** One connection. */
export class SimulatedSocket implements ClientSocket, ClientListener {
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: string }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  onerror: unknown = null;
  readonly #deps: SocketDeps;
  readonly #link: Link | undefined;
  /** Whether something was sent on it that the library did not send. */
  #provoked = false;
  #opened = false;
  #ready = false;
  #over = false;

  /** Begins to connect; where the device has no network, it fails. */
  constructor(parts: SocketDeps, address: string | undefined) {
    this.#deps = parts;
    const { world } = parts;
    if (address === undefined) {
      world.clock.setTimer(OFFLINE_MS, () => this.#fail());
    } else {
      this.#link = world.network.connect(address, this);
      world.count("connections");
    }
  }

  /** Its connection, unless it is over. */
  get link(): Link | undefined {
    return this.#over ? undefined : this.#link;
  }

  /** As the standard has it, but for what is between open and closed. */
  get readyState(): number {
    return this.#over ? 3 : this.#opened ? 1 : 0;
  }

  /** Whether Ready came. */
  get ready(): boolean {
    return this.#ready && !this.#over;
  }

  /** The library sends a frame. */
  send(text: string): void {
    if (this.#over) return;
    if (text.startsWith(ACK)) this.#acknowledge(text);
    else if (text.startsWith('{"op":1,')) this.#identify(JSON.parse(text));
    else this.#link?.clientSend(text);
  }

  /** The library closes. */
  close(): void {
    if (this.#over) return;
    this.#detach();
    this.#link?.clientClose();
    this.#deps.world.clock.setTimer(CLOSED_MS, () => this.onclose?.({ code: 1000, reason: "" }));
  }

  /** The connection breaks, and the library is told. */
  break(): void {
    if (this.#over) return;
    this.#link?.clientGone("reset");
    this.#fail();
  }

  /** Sends whatever it is, beside what the library does. */
  sendRaw(data: string | Uint8Array | OddFrame): void {
    this.#provoked = true;
    this.link?.clientSend(data);
  }

  /** Sends Identify, beside what the library does. */
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
    if (code !== undefined && FAULTS.has(code) && !this.#provoked) {
      client.report("the client keeps to the protocol", `it was closed with ${code}`, link);
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
    const { acks, ackMostMs } = client.behaviour;
    if (acks === "never") return;
    const ack = acks === "wrong" ? `${ACK}${Number(text.slice(ACK.length, -1)) - 1}}` : text;
    const send = (): void => {
      this.link?.clientSend(ack);
      if (acks === "twice") this.link?.clientSend(ack);
    };
    if (ackMostMs === 0) send();
    else client.device.setTimer(random.int(0, ackMostMs), send);
  }

  /** What the library sends; the mood says how. */
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

  /** With a number of its own for each, so that it can be told whose verdict it is. */
  #sendIdentify(frame: Identify): void {
    const { world } = this.#deps;
    const token = { ...tokenOf(frame.token), serial: world.nextSerial() };
    // Issued now or then: the times in it that count are those of the token.
    this.link?.clientSend(
      JSON.stringify({ ...frame, token: tokenText(token, token.expiresAtMs) }),
    );
  }
}
