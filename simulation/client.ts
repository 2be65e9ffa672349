/**
 * Simulates an app on the client library, on a device that sleeps and loses its network. Faults
 * reach it through its `behaviour`, which `client_faults.ts` changes.
 *
 * It checks what the library promises an app: it delivers every message that arrives once and in
 * order, resumes from the last one, and gives up dead connections.
 *
 * @module
 */

import {
  GatewayClient,
  type GatewayClientOptions,
  type Message,
  type TokenRequest,
} from "../client/mod.ts";
import { giveUpMs, ResumeCheck } from "../mock/chaos/client_rules.ts";
import { type Behaviour, CALM } from "./behaviour.ts";
import { SimulatedSocket, type SocketOwner } from "./client_socket.ts";
import { Device } from "./device.ts";
import type { Link } from "./network.ts";
import type { OddFrame } from "./pipe.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { Rule } from "./rules.ts";
import { issueToken } from "./issuer.ts";
import type { WorldDeps } from "./world_deps.ts";

/** Invalid ids: malformed, of another log, from the future; and the start of the log. */
const ODD_IDS = ["", "x", "e1", "e2-1", "e1-", "e1-01", "e1--1", "e1-9007199254740991", "e1-0"];
const MINUTE_MS = 60_000;
/** Mean time between the moments at which an app begins or ceases to listen to signals. */
const LISTENING_MEAN_MS = 30 * MINUTE_MS;
/** Duration of a slow connection. */
const SLOW_MS = 10 * MINUTE_MS;
/** Queue limit of an app that reads in a loop. */
const MAX_QUEUED = 40;
/** Longest heartbeat interval of a world; a dead connection is detected within two. */
const INTERVAL_MS = MINUTE_MS;
/** Time limit after waking to give up a connection that died before or during the sleep. */
const AWAKE_MS = 15_000;

export class SimulatedClient implements SocketOwner {
  /** Name in the trace. */
  readonly name: string;
  readonly user: string;
  readonly device: Device;
  /** Changed by faults; each connection resets how it acknowledges and closes. */
  readonly behaviour: Behaviour = { ...CALM };
  /** Called once, after the next Identify. */
  onIdentify: (() => void) | undefined;
  readonly #world: WorldDeps;
  readonly #random: Random;
  readonly #address: string;
  /** The app iterates instead of listening. */
  readonly #loops: boolean;
  #library: GatewayClient | undefined;
  #socket: SimulatedSocket | undefined;
  #online = true;
  #retired = false;
  /** Position from which the library must resume. */
  #resume = new ResumeCheck();
  /** Last message that the app received, and its sequence. */
  #givenId: string | undefined;
  #given = -1;

  constructor(
    world: WorldDeps,
    { index, user, address }: {
      readonly index: number;
      readonly user: string;
      readonly address: string;
    },
  ) {
    this.name = `c${index}`;
    this.user = user;
    this.device = new Device(world.clock);
    this.#world = world;
    this.#random = world.random.fork(`client${index}`);
    this.#address = address;
    this.#loops = this.#random.chance(0.2);
    world.clock.setTimer(this.#random.int(0, MINUTE_MS), () => this.#open(undefined));
  }

  get link(): Link | undefined {
    return this.#socket?.link;
  }

  /** Identified and receiving. */
  get ready(): boolean {
    return this.#socket?.ready ?? false;
  }

  /** Ends all faults; reconnects if it was away. */
  calm(): void {
    Object.assign(this.behaviour, CALM);
    this.#world.markDirty();
    this.#online = true;
    this.device.wake();
    if (this.#library === undefined) this.#open(undefined);
    else this.#library.check();
  }

  /** Closes the app for good. */
  retire(): void {
    this.#retired = true;
    this.#close();
  }

  /**
   * Disconnects for `ms`: `close` closes the app, which restarts from its position; `reset` takes
   * the network; `silent` puts the device to sleep.
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

  /** Sleeps for `ms` without losing the connection. */
  nap(ms: number): void {
    const { link } = this;
    if (link === undefined) return;
    this.say(link, `sleeps for ${ms} ms`);
    link.stall("toServer", ms);
    link.stall("toClient", ms);
    this.device.sleep({ stands: this.#random.chance(0.5) });
    this.#world.clock.setTimer(ms, () => this.#comeBack(false));
  }

  /** Sends `data` unchecked. */
  send(data: string | Uint8Array | OddFrame): void {
    this.#socket?.sendRaw(data);
  }

  /** Sends an Identify in addition to the library's. */
  identify(): void {
    this.#socket?.sendIdentify(this.#freshToken(), this.#resume.position);
  }

  /** The library creates a socket. */
  connecting(socket: SimulatedSocket): void {
    this.#socket = socket;
    const { acks, maxAckMs, answersClose } = CALM;
    Object.assign(this.behaviour, { acks, maxAckMs, answersClose });
    const { link } = socket;
    if (link === undefined) return;
    this.say(link, "connects");
    if (this.behaviour.bytesPerMs < Infinity) link.throttle(this.behaviour.bytesPerMs, SLOW_MS);
    this.behaviour.bytesPerMs = Infinity;
    if (this.behaviour.identifies !== "hangs_up") return;
    // The reset may come before or after the gateway accepts the connection.
    this.behaviour.identifies = "prompt";
    this.#world.clock.setTimer(this.#random.int(0, 300), () => {
      if (this.#socket === socket) this.goAway("reset", 5000);
    });
  }

  identifies(
    lastId: string | undefined,
    { ready, link }: Pick<SimulatedSocket, "ready" | "link">,
  ): void {
    if (link === undefined || this.#resume.accepts(lastId, { isReady: ready })) return;
    const expected = ready ? undefined : this.#resume;
    const explanation = `${this.name} resumes from ${lastId}, and not from ${expected}`;
    this.report("the client resumes from its last message", explanation, link);
  }

  identified(): void {
    const act = this.onIdentify;
    this.onIdentify = undefined;
    act?.();
  }

  /** The socket is about to deliver a message to the library. */
  arriving(id: string): void {
    this.positioned(id);
    if (this.#loops) this.#world.markDirty();
  }

  /** The library has processed a message. */
  arrived(id: string): void {
    if (this.#loops || this.#library?.state === "closed" || this.#given === sequenceOf(id)) return;
    const explanation = `${id} reached ${this.name}, which has ${this.#given}`;
    this.report("the client delivers what arrives", explanation, this.link);
  }

  /** A session starts or resumes at this position. */
  positioned(lastId: string): void {
    this.#resume.sent(lastId);
    this.#resume.arrived();
  }

  /** Reports events that are overdue. */
  sweep(): void {
    const { link, device } = this;
    if (link === undefined || device.asleep || link.deadAtMs === undefined) return;
    const slept = device.wokeAtMs > link.deadAtMs;
    const sinceMs = this.#world.clock.steady() - (slept ? device.wokeAtMs : link.deadAtMs);
    if (sinceMs <= (slept && device.sleepShows ? AWAKE_MS : giveUpMs(INTERVAL_MS))) return;
    const explanation = `${this.name} has had a dead connection for ${sinceMs} ms`;
    this.report("a dead connection is given up", explanation, link);
  }

  /** The world has healed: the app must have received everything. */
  healed(): void {
    const library = this.#library;
    const { position } = this.#resume;
    if (library === undefined || library.lastId === position) return;
    const explanation = `${this.name} is at ${library.lastId}, and ${position} arrived`;
    this.report("the client delivers what arrives", explanation, this.link);
  }

  /** Reports a rule that the client broke. */
  report(rule: Rule, explanation: string, link: Link | undefined): void {
    this.#world.report(rule, explanation, link?.id);
  }

  say(link: Link, what: string): void {
    const { timeline } = this.#world;
    if (timeline.recording) timeline.add(`#${link.id} ${this.name}`, `${this.user} ${what}`);
  }

  /** Starts the app. */
  #open(savedId: string | undefined): void {
    if (this.#library !== undefined || this.#retired) return;
    let lastId = savedId;
    if (this.behaviour.identifies === "bad_id") {
      // An app that starts elsewhere has no record of earlier messages.
      this.behaviour.identifies = "prompt";
      lastId = this.#random.pick(ODD_IDS);
      this.#given = -1;
    }
    const world = this.#world;
    const deps = { world, random: this.#random, client: this };
    const address = (): string | undefined => this.#online ? this.#address : undefined;
    const connecting = (socket: SimulatedSocket): void => this.connecting(socket);
    world.markDirty();
    this.#resume = new ResumeCheck(lastId);
    const options: GatewayClientOptions = {
      url: "ws://simulated/gateway",
      WebSocket: class extends SimulatedSocket {
        constructor() {
          super(deps, address());
          connecting(this);
        }
      },
      clock: this.device,
      random: () => this.#random.unit(),
      getToken: (request) => this.#getToken(request),
      lastId,
      maxQueuedMessages: MAX_QUEUED,
    };
    const library = new GatewayClient(world.seams.client?.(options) ?? options);
    this.#library = library;
    library.on("error", () => world.count("tokens that could not be had"));
    library.on("gap", () => world.count("gaps"));
    library.on("ready", () => world.count("sessions"));
    library.on("state", (state) => {
      if (state === "paused") world.count("apps that did not read");
    });
    this.#listen(library, this.#random.fork("signals"));
    library.on("close", (error) => {
      world.markDirty();
      if (error !== undefined && this.#library === library) this.#restartIn(5000);
    });
    if (this.#loops) this.#read(library).catch(world.broke);
    else library.on("message", (message) => this.#guard(() => this.#take(message)));
  }

  /** Listens to signals from the start or from some time on, and not always. */
  #listen(library: GatewayClient, random: Random): void {
    let stop: (() => void) | undefined;
    const toggle = (): void => {
      if (this.#library !== library) return;
      this.#world.markDirty();
      if (stop === undefined) stop = library.on("signal", () => {});
      else stop = void stop();
      this.#world.clock.setTimer(random.wait(LISTENING_MEAN_MS), toggle);
    };
    if (random.chance(0.5)) stop = library.on("signal", () => {});
    this.#world.clock.setTimer(random.wait(LISTENING_MEAN_MS), toggle);
  }

  /** Closes the app and restarts it from its position. */
  #restartIn(ms: number): void {
    // A loop may have received a message that it will not process.
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

  /** Wakes the device and restores its network; `isTold` if the platform reports it. */
  #comeBack(isTold: boolean): void {
    this.#online = true;
    this.#world.markDirty();
    this.device.wake();
    if (isTold) this.#library?.check();
  }

  /** Reads in a loop, sometimes slowly. */
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
        // The app was closed; the next one resumes from this position.
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
      this.report("the client delivers once, in order", explanation, this.link);
    }
    this.#given = sequence;
    this.#givenId = id;
  }

  /** Ends the world on an error in a listener, which the library would report as the app's. */
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

  #freshToken(): string {
    return issueToken(this.#world, {
      random: this.#random,
      user: this.user,
      behaviour: this.behaviour,
    });
  }
}

function sequenceOf(id: string): number {
  return Number(id.slice(id.indexOf("-") + 1));
}
