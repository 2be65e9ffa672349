/**
 * A client of a simulated world: an app on the client library, on a device that sleeps and loses its network.
 * What it does wrong, it is told to by `client_faults.ts`, through its mood.
 *
 * It holds the library to what it promises an app: every message that arrives is handed on once and in order,
 * it resumes from there, and it gives up what is dead.
 *
 * @module
 */

import { GatewayClient, type Message, type TokenRequest } from "../client/mod.ts";
import { type Behaviour, CALM } from "./behaviour.ts";
import { SimulatedSocket, type SocketOwner } from "./client_socket.ts";
import { Device } from "./device.ts";
import type { Link } from "./network.ts";
import type { OddFrame } from "./pipe.ts";
import type { Random } from "./random.ts";
import { tokenText } from "./verifier.ts";
import type { WorldDeps } from "./world_deps.ts";

/** IdGenerator that are none: of no log, of another log, from the future; and the very beginning. */
const ODD_IDS = ["", "x", "e1", "e2-1", "e1-", "e1-01", "e1--1", "e1-9007199254740991", "e1-0"];
const MINUTE_MS = 60_000;
const LIVES_MS = [10 * MINUTE_MS, 60 * MINUTE_MS, 6 * 60 * MINUTE_MS, 30 * 60 * MINUTE_MS] as const;
/** How long a slow connection stays slow. */
const SLOW_MS = 10 * MINUTE_MS;
/** How many messages may wait for an app that reads in a loop. */
const MAX_QUEUED = 40;
/** Longest heartbeat interval of a world; a dead connection is found out within two. */
const INTERVAL_MS = MINUTE_MS;
/** How long a device that slept may take to give up a connection that died in its sleep, or before. */
const AWAKE_MS = 15_000;
/** What connecting and a deadline that was just put off may add. */
const SLACK_MS = 30_000;

/** One client. */
export class SimulatedClient implements SocketOwner {
  /** Its name in the trace. */
  readonly name: string;
  /** Whose client it is. */
  readonly user: string;
  /** What it runs on. */
  readonly device: Device;
  /** How it behaves; mischief changes it, a new connection starts from here. */
  readonly behaviour: Behaviour = { ...CALM };
  readonly #world: WorldDeps;
  readonly #random: Random;
  readonly #address: string;
  /** Whether its app reads in a loop, and does not listen. */
  readonly #loops: boolean;
  #library: GatewayClient | undefined;
  #socket: SimulatedSocket | undefined;
  #online = true;
  #retired = false;
  /** Where the library has to take up: the last id that arrived, or where the session began. */
  #position: string | undefined;
  /** The last message that the app was given, and its sequence. */
  #givenId: string | undefined;
  #given = -1;

  /** A client that has not connected yet. */
  constructor(
    world: WorldDeps,
    parts: { readonly index: number; readonly user: string; readonly address: string },
  ) {
    this.name = `c${parts.index}`;
    this.user = parts.user;
    this.device = new Device(world.clock);
    this.#world = world;
    this.#random = world.random.fork(`client${parts.index}`);
    this.#address = parts.address;
    this.#loops = this.#random.chance(0.2);
    world.clock.setTimer(this.#random.int(0, MINUTE_MS), () => this.#open(undefined));
  }

  /** Its connection. */
  get link(): Link | undefined {
    return this.#socket?.link;
  }

  /** Whether it is identified and messages flow. */
  get ready(): boolean {
    return this.#socket?.ready ?? false;
  }

  /** From now on it behaves well; if it is away, it comes back. */
  calm(): void {
    Object.assign(this.behaviour, CALM);
    this.#world.markDirty();
    this.#online = true;
    this.device.wake();
    if (this.#library === undefined) this.#open(undefined);
    else this.#library.check();
  }

  /** It goes away for good. */
  retire(): void {
    this.#retired = true;
    this.#close();
  }

  /**
   * It goes away for `ms`: its app is closed, and starts again where it was; or its network is gone; or its
   * lid is closed, and it sleeps.
   */
  goAway(how: "close" | "reset" | "silent", ms: number): void {
    const { link } = this;
    if (link === undefined || this.#library === undefined) return;
    this.say(link, `goes away for ${ms} ms (${how})`);
    if (how === "close") return this.#restartIn(ms);
    const luck = this.#random.unit();
    if (how === "reset") {
      this.#online = false;
      this.#socket?.break();
    } else {
      link.drop();
      this.device.sleep({ stands: luck < 0.5 });
    }
    this.#world.clock.setTimer(ms, () => this.#comeBack(luck * 10 % 1 < 0.5));
  }

  /** It sleeps for `ms`, during which its connection holds. */
  nap(ms: number): void {
    const { link } = this;
    if (link === undefined) return;
    this.say(link, `sleeps for ${ms} ms`);
    link.stall("toServer", ms);
    link.stall("toClient", ms);
    this.device.sleep({ stands: this.#random.chance(0.5) });
    this.#world.clock.setTimer(ms, () => this.#comeBack(false));
  }

  /** It sends `data`, whatever that is. */
  send(data: string | Uint8Array | OddFrame): void {
    this.#socket?.sendRaw(data);
  }

  /** It identifies, for the first time or once more, besides what the library does. */
  identify(): void {
    this.#socket?.sendIdentify(this.#freshToken(), this.#position);
  }

  /** A connection is to be made. */
  connecting(socket: SimulatedSocket): void {
    this.#socket = socket;
    const { acks, ackMostMs, answersClose } = CALM;
    Object.assign(this.behaviour, { acks, ackMostMs, answersClose });
    const { link } = socket;
    if (link === undefined) return;
    this.say(link, "connects");
    if (this.behaviour.bytesPerMs < Infinity) link.throttle(this.behaviour.bytesPerMs, SLOW_MS);
    this.behaviour.bytesPerMs = Infinity;
    if (this.behaviour.identifies !== "hangs_up") return;
    // It goes away before or after the gateway has noticed that it came.
    this.behaviour.identifies = "prompt";
    this.#world.clock.setTimer(this.#random.int(0, 300), () => {
      if (this.#socket === socket) this.goAway("reset", 5000);
    });
  }

  /** The library identifies with this `last_id`. */
  identifies(
    lastId: string | undefined,
    { ready, link }: Pick<SimulatedSocket, "ready" | "link">,
  ): void {
    const expected = ready ? undefined : this.#position;
    if (lastId === expected || link === undefined) return;
    const explanation = `${this.name} resumes from ${lastId}, and not from ${expected}`;
    this.report("the client resumes from what it has", explanation, link);
  }

  /** A message is about to be handed to the library. */
  arriving(id: string): void {
    this.#position = id;
    if (this.#loops) this.#world.markDirty();
  }

  /** The library has had a message. */
  arrived(id: string): void {
    if (this.#loops || this.#library?.state === "closed" || this.#given === sequenceOf(id)) return;
    const explanation = `${id} reached ${this.name}, which has ${this.#given}`;
    this.report("the client hands on what arrives", explanation, this.link);
  }

  /** A session begins, or goes on, at this position. */
  positioned(lastId: string): void {
    this.#position = lastId;
  }

  /** Looks for what should have happened and did not. */
  sweep(): void {
    const { link, device } = this;
    if (link === undefined || device.asleep || link.deadAtMs === undefined) return;
    const slept = device.wokeAtMs > link.deadAtMs;
    const sinceMs = this.#world.clock.steady() - (slept ? device.wokeAtMs : link.deadAtMs);
    if (sinceMs <= (slept && device.sleepShows ? AWAKE_MS : 2 * INTERVAL_MS + SLACK_MS)) return;
    const explanation = `${this.name} has had a dead connection for ${sinceMs} ms`;
    this.report("a dead connection is given up", explanation, link);
  }

  /** All is well: the app has been given everything. */
  healed(): void {
    const library = this.#library;
    if (library === undefined || library.lastId === this.#position) return;
    const explanation = `${this.name} is at ${library.lastId}, and ${this.#position} arrived`;
    this.report("the client hands on what arrives", explanation, this.link);
  }

  /** A rule is broken on the client's side. */
  report(rule: string, explanation: string, link: Link | undefined): void {
    this.#world.report(rule, explanation, link?.id);
  }

  /** Writes into the trace. */
  say(link: Link, what: string): void {
    const { timeline } = this.#world;
    if (timeline.recording) timeline.add(`#${link.id} ${this.name}`, `${this.user} ${what}`);
  }

  /** The app starts. */
  #open(savedId: string | undefined): void {
    if (this.#library !== undefined || this.#retired) return;
    let lastId = savedId;
    if (this.behaviour.identifies === "bad_id") {
      // An app that takes up somewhere else knows nothing of what it had.
      this.behaviour.identifies = "prompt";
      lastId = this.#random.pick(ODD_IDS);
      this.#given = -1;
    }
    const world = this.#world;
    const parts = { world, random: this.#random, client: this };
    const address = (): string | undefined => this.#online ? this.#address : undefined;
    const connecting = (socket: SimulatedSocket): void => this.connecting(socket);
    world.markDirty();
    this.#position = lastId;
    const library = new GatewayClient(world.clientSeam({
      url: "ws://simulated/gateway",
      WebSocket: class extends SimulatedSocket {
        constructor() {
          super(parts, address());
          connecting(this);
        }
      },
      clock: this.device,
      random: () => this.#random.unit(),
      getToken: (request) => this.#getToken(request),
      lastId,
      maxQueuedMessages: MAX_QUEUED,
    }));
    this.#library = library;
    library.on("error", () => world.count("tokens that could not be had"));
    library.on("gap", () => world.count("gaps told"));
    library.on("ready", () => world.count("sessions"));
    library.on("state", (state) => {
      if (state === "paused") world.count("apps that did not read");
    });
    library.on("close", (error) => {
      world.markDirty();
      if (error !== undefined && this.#library === library) this.#restartIn(5000);
    });
    if (this.#loops) this.#read(library).catch(world.broke);
    else library.on("message", (message) => this.#guard(() => this.#take(message)));
  }

  /** The app is closed; its next start takes up where it was. */
  #restartIn(ms: number): void {
    // A loop may have been given a message that it will not look at any more.
    const lastId = (this.#loops ? this.#givenId : undefined) ?? this.#library?.lastId;
    this.#close();
    this.#world.clock.setTimer(ms, () => this.#open(lastId));
  }

  #close(): void {
    const library = this.#library;
    this.#library = undefined;
    this.#world.markDirty();
    void library?.close();
  }

  /** The lid is open, or the network is there; whether the platform says so, depends. */
  #comeBack(isTold: boolean): void {
    this.#online = true;
    this.#world.markDirty();
    this.device.wake();
    if (isTold) this.#library?.check();
  }

  /** Reads in a loop, now and then slowly. */
  async #read(library: GatewayClient): Promise<void> {
    const random = this.#random.fork("reads");
    const rest = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        this.device.setTimer(ms, () => {
          this.#world.markDirty();
          resolve();
        });
      });
    try {
      for await (const message of library) {
        // The app was closed; the next one takes up where this one was.
        if (this.#library !== library) return;
        this.#guard(() => this.#take(message));
        const luck = random.unit();
        if (this.behaviour.dawdles && luck < 0.05) await rest(random.int(0, 10 * MINUTE_MS));
        else if (luck > 0.9) await rest(random.int(0, 20));
      }
    } catch (error) {
      if (library.state !== "closed") throw error;
    }
  }

  #take({ id }: Message): void {
    const sequence = sequenceOf(id);
    if (sequence <= this.#given) {
      const explanation = `${this.name} was given ${id} after ${this.#given}`;
      this.report("the client hands on each message once, in order", explanation, this.link);
    }
    this.#given = sequence;
    this.#givenId = id;
  }

  /** A rule that is broken within a listener ends the world, and is no error of the library's. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#world.broke(error);
    }
  }

  #getToken({ reason }: TokenRequest): string | Promise<string> {
    const world = this.#world;
    world.markDirty();
    if (reason === "expiring" && !this.behaviour.renews) {
      throw new Error("the app has no new token");
    }
    const luck = this.#random.unit();
    if (luck < (reason === "expiring" ? 0.1 : 0.02) && world.allows("tokens")) {
      world.count("tokens that never came");
      return new Promise(() => {});
    }
    if (luck < 0.5) return this.#freshToken();
    return new Promise((resolve) => {
      this.device.setTimer(this.#random.int(0, 400), () => {
        world.markDirty();
        resolve(this.#freshToken());
      });
    });
  }

  /** A token as the app's backend gives it out now; what is wrong with it, is wrong once. */
  #freshToken(): string {
    const { flaw } = this.behaviour;
    const { clock, memberships, users } = this.#world;
    this.behaviour.flaw = undefined;
    const lifeMs = this.#random.pick(LIVES_MS);
    const briefMs = this.#random.int(2000, 60_000);
    const token = {
      serial: 0,
      user: flaw === "strange_user" ? this.#random.pick(users) : this.user,
      channels: [...memberships.get(this.user) ?? []],
      expiresAtMs: clock.now() + (flaw === "expired" ? -1 : flaw === "brief" ? briefMs : lifeMs),
      signed: flaw !== "unsigned",
    };
    return tokenText(token, clock.now());
  }
}

/** The sequence in the id of a message. */
function sequenceOf(id: string): number {
  return Number(id.slice(id.indexOf("-") + 1));
}
