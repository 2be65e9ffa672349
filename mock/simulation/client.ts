/**
 * A client of a simulated world: connects, identifies, answers heartbeats, keeps its token fresh, takes
 * up where it left off. What it does wrong, it is told to by `mischief.ts`, through its mood.
 *
 * @module
 */

import { messageId } from "./delivery.ts";
import type { ClientListener, Link } from "./network.ts";
import type { Random } from "./random.ts";
import type { SimulatedToken } from "./verifier.ts";
import type { WorldParts } from "./world_parts.ts";

/** How a client sends Identify. */
export type IdentifyManner = "prompt" | "late" | "never" | "twice" | "bad_id" | "hangs_up";
/** What is wrong with the next token. */
export type TokenFlaw = "unsigned" | "expired" | "strange_user" | "brief";

/** How a client behaves for now. All times in milliseconds. */
export interface Mood {
  acks: "at_once" | "twice" | "wrong" | "never";
  /** The longest that an ACK takes. */
  ackMostMs: number;
  /** Whether it answers a close frame. */
  answersClose: boolean;
  identifies: IdentifyManner;
  flaw: TokenFlaw | undefined;
  /** Whether it renews its token in time. */
  renews: boolean;
  /** What its next connection carries, in bytes each millisecond. */
  bytesPerMs: number;
}

const CALM: Readonly<Mood> = {
  acks: "at_once",
  ackMostMs: 0,
  answersClose: true,
  identifies: "prompt",
  flaw: undefined,
  renews: true,
  bytesPerMs: Infinity,
};
const MINUTE_MS = 60_000;
const LIVES_MS = [10 * MINUTE_MS, 60 * MINUTE_MS, 6 * 60 * MINUTE_MS, 30 * 60 * MINUTE_MS] as const;
/** How long a slow connection stays slow. */
const SLOW_MS = 10 * MINUTE_MS;
const BEAT = '{"op":10,"time":';
/** Ids that are none: of no log, of another log, from the future, and the very beginning. */
const ODD_IDS = ["", "x", "e1", "e2-1", "e1-", "e1-01", "e1--1", "e1-9007199254740991", "e1-0"];

/** One client. */
export class SimulatedClient implements ClientListener {
  /** Its name in the trace. */
  readonly name: string;
  /** Whose client it is. */
  readonly user: string;
  /** How it behaves; mischief changes it, a new connection starts from here. */
  readonly mood: Mood = { ...CALM };
  readonly #world: WorldParts;
  readonly #random: Random;
  readonly #address: string;
  /** Whether it sends beats of its own. */
  readonly #beats: boolean;
  #link: Link | undefined;
  #ready = false;
  #retired = false;
  #lastId: string | undefined;
  #claims: Omit<SimulatedToken, "serial"> | undefined;
  #intervalMs = 45_000;
  #heardAtMs = 0;
  #failures = 0;

  /** A client that has not connected yet. */
  constructor(
    world: WorldParts,
    parts: { readonly index: number; readonly user: string; readonly address: string },
  ) {
    this.name = `c${parts.index}`;
    this.user = parts.user;
    this.#world = world;
    this.#random = world.random.fork(`client${parts.index}`);
    this.#address = parts.address;
    this.#beats = this.#random.chance(0.5);
    world.clock.setTimer(this.#random.int(0, MINUTE_MS), () => this.#connect());
  }

  /** Its connection. */
  get link(): Link | undefined {
    return this.#link;
  }

  /** Whether it is identified and messages flow. */
  get ready(): boolean {
    return this.#ready;
  }

  /** From now on it behaves well; if it is away, it comes back. */
  calm(): void {
    Object.assign(this.mood, CALM);
    this.#connect();
  }

  /** It goes away for good. */
  retire(): void {
    this.#retired = true;
    const link = this.#detach();
    link?.clientClose();
  }

  /** It goes away for `ms`: with a close frame, with a reset, or without a word. */
  goAway(how: "close" | "reset" | "silent", ms: number): void {
    const link = this.#detach();
    if (link === undefined) return;
    this.#say(link, `goes away for ${ms} ms (${how})`);
    if (how === "close") link.clientClose();
    else link.clientGone(how);
    this.#reconnectIn(ms);
  }

  /** It sends `data`, whatever that is. */
  send(data: string | Uint8Array): void {
    this.#link?.clientSend(data);
  }

  /** It identifies, for the first time or once more. */
  identify(): void {
    const claims = this.#freshClaims();
    const serial = this.#world.nextSerial();
    const token = JSON.stringify({ serial, ...claims });
    const lastId = this.mood.identifies === "bad_id" ? this.#random.pick(ODD_IDS) : this.#lastId;
    const frame = { op: 1, token, ...(lastId === undefined ? {} : { last_id: lastId }) };
    this.send(JSON.stringify(frame));
  }

  received(text: string): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#heardAtMs = this.#world.clock.steady();
    if (text.startsWith(BEAT)) return this.#acknowledge(link, text.slice(BEAT.length, -1));
    if (text.startsWith('{"op":11,')) return;
    if (text.startsWith('{"op":3,')) return this.#takeMessage(link, text);
    const frame = JSON.parse(text);
    switch (frame.op) {
      case 0:
        return this.#greeted(link, frame.heartbeat_interval);
      case 2:
        return this.#begun(link, frame.last_id);
    }
  }

  closed(code: number | undefined): void {
    const link = this.#detach();
    if (link === undefined) return;
    this.#say(link, code === undefined ? "loses its connection" : `is closed with ${code}`);
    if (code !== undefined && this.mood.answersClose) link.clientAnswersClose(code);
    if (code === 4003) this.#claims = undefined;
    this.#failures++;
    const backoffMs = Math.min(MINUTE_MS, 500 * 2 ** Math.min(this.#failures, 8));
    this.#reconnectIn(this.#random.int(backoffMs / 2, backoffMs));
  }

  #detach(): Link | undefined {
    const link = this.#link;
    this.#link = undefined;
    this.#ready = false;
    if (link !== undefined) this.#world.checker.clientDetached(link);
    return link;
  }

  #reconnectIn(ms: number): void {
    if (this.#retired) return;
    this.#world.clock.setTimer(ms, () => this.#connect());
  }

  #connect(): void {
    if (this.#link !== undefined || this.#retired) return;
    const { acks, ackMostMs, answersClose } = CALM;
    Object.assign(this.mood, { acks, ackMostMs, answersClose });
    this.#heardAtMs = this.#world.clock.steady();
    const link = this.#world.network.connect(this.#address, this);
    this.#link = link;
    this.#world.count("connections");
    this.#say(link, "connects");
    if (this.mood.bytesPerMs < Infinity) link.throttle(this.mood.bytesPerMs, SLOW_MS);
    this.mood.bytesPerMs = Infinity;
    if (this.mood.identifies === "hangs_up") this.#hangUp(link);
    this.#watch(link);
  }

  /** Goes away before or after the gateway has noticed that it came. */
  #hangUp(link: Link): void {
    this.mood.identifies = "prompt";
    this.#world.clock.setTimer(this.#random.int(0, 300), () => {
      if (this.#link === link) this.goAway("reset", 5000);
    });
  }

  #greeted(link: Link, intervalMs: number): void {
    this.#intervalMs = intervalMs;
    const { identifies } = this.mood;
    if (identifies === "never") {
      this.mood.identifies = "prompt";
      return;
    }
    const thinkMs = identifies === "late"
      ? this.#random.int(9000, 11_000)
      : this.#random.int(0, 200);
    this.#world.clock.setTimer(thinkMs, () => {
      if (this.#link !== link) return;
      this.identify();
      this.mood.identifies = "prompt";
      if (identifies !== "twice") return;
      this.#world.clock.setTimer(this.#random.int(0, 40), () => {
        if (this.#link === link) this.identify();
      });
    });
  }

  #begun(link: Link, lastId: string): void {
    this.#failures = 0;
    this.#ready = true;
    this.#world.checker.clientReady(link, lastId);
    this.#world.count("sessions");
    this.#lastId = lastId;
    const leftMs = (this.#claims?.expiresAtMs ?? 0) - this.#world.clock.now() - 30_000;
    const claims = this.#claims;
    this.#world.clock.setTimer(Math.max(1000, leftMs), () => {
      if (this.#link !== link || this.#claims !== claims || !this.mood.renews) return;
      this.#claims = undefined;
      this.#say(link, "renews its token");
      this.identify();
    });
  }

  #takeMessage(link: Link, text: string): void {
    const id = messageId(text);
    this.#world.checker.clientReceived(link, id, text);
    this.#lastId = id;
  }

  /** Gives a connection up that has said nothing for so long that it must be dead. */
  #watch(link: Link): void {
    const { clock } = this.#world;
    clock.setTimer(this.#intervalMs, () => {
      if (this.#link !== link) return;
      if (clock.steady() - this.#heardAtMs > 2 * this.#intervalMs + 10_000) {
        return this.goAway("silent", this.#random.int(100, 2000));
      }
      if (this.#beats) link.clientSend(`${BEAT}${Math.floor(clock.steady())}}`);
      this.#watch(link);
    });
  }

  #acknowledge(link: Link, time: string): void {
    const { acks, ackMostMs } = this.mood;
    if (acks === "never") return;
    const ack = `{"op":11,"time":${acks === "wrong" ? Number(time) - 1 : time}}`;
    const send = (): void => {
      if (this.#link !== link) return;
      link.clientSend(ack);
      if (acks === "twice") link.clientSend(ack);
    };
    if (ackMostMs === 0) send();
    else this.#world.clock.setTimer(this.#random.int(0, ackMostMs), send);
  }

  #freshClaims(): Omit<SimulatedToken, "serial"> {
    const { flaw } = this.mood;
    const { clock, memberships, users } = this.#world;
    const now = clock.now();
    if (flaw !== undefined || this.#claims === undefined || this.#claims.expiresAtMs < now + 5000) {
      this.#claims = {
        user: flaw === "strange_user" ? this.#random.pick(users) : this.user,
        channels: [...memberships.get(this.user) ?? []],
        expiresAtMs: now + lifeMs(flaw, this.#random.pick(LIVES_MS)),
        signed: flaw !== "unsigned",
      };
      this.mood.flaw = undefined;
      // A token of somebody else is not kept: the client goes back to its own.
      if (flaw === "strange_user") {
        const claims = this.#claims;
        this.#claims = undefined;
        return claims;
      }
    }
    return this.#claims;
  }

  #say(link: Link, what: string): void {
    const { timeline } = this.#world;
    if (timeline.recording) timeline.add(`#${link.id} ${this.name}`, `${this.user} ${what}`);
  }
}

function lifeMs(flaw: TokenFlaw | undefined, usualMs: number): number {
  if (flaw === "expired") return -1;
  return flaw === "brief" ? 5000 : usualMs;
}
