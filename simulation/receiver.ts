/**
 * Simulates the part of the app's backend that takes webhooks: it stores what it is told, asks after each start of a
 * gateway, and fails in all ways in which an HTTP server can. Checks that what it believes becomes true.
 *
 * @module
 */

import type { Users } from "../gateway/ports.ts";
import type { Post } from "../gateway/webhooks/mod.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Cluster } from "./cluster.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { Timeline } from "./timeline.ts";
import type { Report } from "./violation.ts";

/** Most time that a request takes to the receiver. */
const TRANSIT_MS = 100;
const ASK_AGAIN_MS = 5000;
const MINUTE_MS = 60_000;
/** Longer than the longest backoff with the attempts and the questions that may follow it. */
const CALM_MS = 5 * 60_000;

/** How a request may fare while the receiver is in trouble. */
const TROUBLES = ["well", "slow", "refused", "fails", "stores and fails", "hangs", "lost"] as const;
type Fate = (typeof TROUBLES)[number];

export interface ReceiverDeps {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly timeline: Timeline;
  readonly cluster: Cluster | undefined;
  readonly report: Report;
  readonly count: (what: string) => void;
  readonly markDirty: () => void;
  readonly broke: (error: unknown) => void;
}

/** The running gateways. */
export interface ReceiverWorld {
  /** The users, as each running gateway answers for them. */
  readonly answering: () => readonly Users[];
  /** Counts the ready connections of `user` on all of them. */
  readonly connectionsOf: (user: string) => number;
  readonly names: readonly string[];
}

const NOBODY = { connections: 0 };

/** A request without an answer. */
interface Request {
  readonly node: number;
  readonly user: string | undefined;
}

interface Event {
  readonly type: "user.online" | "user.offline" | "gateway.started";
  readonly data: { readonly user?: string };
}

export class Receiver {
  readonly #deps: ReceiverDeps;
  /** True for users who are online, as far as the backend knows. */
  readonly #belief = new Map<string, boolean>();
  /** Number of events by user. */
  readonly #versions = new Map<string, number>();
  readonly #open = new Set<Request>();
  /** Steady time at which a user, a gateway or the receiver last changed. */
  readonly #changedAtMs = new Map<string, number>();
  #disturbedAtMs: number;
  #troubled = false;
  #world: ReceiverWorld | undefined;

  constructor(deps: ReceiverDeps) {
    this.#deps = deps;
    this.#disturbedAtMs = deps.clock.steady();
  }

  connect(world: ReceiverWorld): void {
    this.#world = world;
  }

  /** Makes requests fail until `troubled` is false. */
  set troubled(troubled: boolean) {
    this.#troubled = troubled;
    this.disturbed();
  }

  /** A gateway started or ended, or the receiver changed. */
  disturbed(): void {
    this.#disturbedAtMs = this.#deps.clock.steady();
  }

  /** A user came or went. Sometimes the backend asks for them just then. */
  userChanged(user: string): void {
    const { clock, random } = this.#deps;
    this.#changedAtMs.set(user, clock.steady());
    if (random.chance(0.3)) clock.setTimer(random.int(0, 1000), () => this.#ask(user));
  }

  /** The `fetch` of the process `node`. */
  postOf(node: number): Post {
    return (_, { body, signal }) => {
      const event: Event = JSON.parse(body);
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      const { clock, random, markDirty, count } = this.#deps;
      const { data: { user } } = event;
      const request = { node, user };
      this.#checkOrder(request);
      this.#checkTruth(event);
      this.#open.add(request);
      const end = (act: () => void): void => {
        if (!this.#open.delete(request)) return;
        markDirty();
        act();
      };
      signal.addEventListener("abort", () => end(() => reject(signal.reason)));
      const fate: Fate = this.#troubled ? random.pick(TROUBLES) : "well";
      count(`webhook: ${fate}`);
      if (fate === "refused") {
        clock.setTimer(1, () => end(() => reject(new TypeError("connection refused"))));
        return promise;
      }
      clock.setTimer(random.int(1, TRANSIT_MS), () => {
        const stored = fate !== "fails" && (fate !== "hangs" || random.chance(0.5));
        if (stored) this.#store(event);
        if (fate === "hangs") return;
        const afterMs = random.int(0, fate === "slow" ? 15_000 : 50);
        clock.setTimer(afterMs, () =>
          end(() => {
            if (fate === "lost") return reject(new TypeError("connection reset"));
            const status = fate === "fails" || fate === "stores and fails" ? 500 : 204;
            resolve(new Response(null, { status }));
          }));
      });
      return promise;
    };
  }

  /** Compares belief and truth where nothing has changed for a while. */
  sweep(): void {
    const now = this.#deps.clock.steady();
    if (this.#troubled || this.#quietMs < CALM_MS) return;
    for (const user of this.#world?.names ?? []) {
      if (now - (this.#changedAtMs.get(user) ?? 0) >= CALM_MS) this.#compare(user);
    }
  }

  /** The world has healed: the backend believes what is so. */
  healed(): void {
    for (const user of this.#world?.names ?? []) this.#compare(user);
  }

  /** Time since a gateway started or ended, or was cut off; 0 while one is cut off and can tell nothing. */
  get #quietMs(): number {
    const { clock, cluster } = this.#deps;
    const slots = cluster?.slots ?? [];
    if (slots.some((slot) => cluster?.isCutOff(slot))) return 0;
    const changes = slots.map((slot) => cluster?.changedAtMs(slot) ?? 0);
    return clock.steady() - Math.max(this.#disturbedAtMs, ...changes);
  }

  /** Requests about one user do not overlap; those of different nodes, while all nodes see each other. */
  #checkOrder({ node, user }: Request): void {
    if (user === undefined) return;
    for (const open of this.#open) {
      const same = open.user === user && (open.node === node || this.#quietMs > MINUTE_MS);
      if (same) this.#violated(`two requests about ${user} at once`);
    }
  }

  #compare(user: string): void {
    const believed = this.#belief.get(user) ?? false;
    const online = (this.#world?.connectionsOf(user) ?? 0) > 0;
    if (believed !== online) {
      this.#violated(`${user} is ${word(online)}, the backend believes ${word(believed)}`);
    }
  }

  /** With one node, an event says what is so when it is sent. */
  #checkTruth({ type, data: { user } }: Event): void {
    if (user === undefined || this.#deps.cluster !== undefined) return;
    const online = (this.#world?.connectionsOf(user) ?? 0) > 0;
    if (online !== (type === "user.online")) {
      this.#violated(`${type} is sent while ${user} is ${word(online)}`);
    }
  }

  #store({ type, data: { user } }: Event): void {
    const { timeline, count } = this.#deps;
    count(`told ${type}`);
    if (timeline.recording) timeline.add("backend", `is told ${type} ${user ?? ""}`);
    if (user === undefined) return this.#askForAll();
    if (this.#belief.get(user) === (type === "user.online")) count("told what was known");
    this.#belief.set(user, type === "user.online");
    this.#versions.set(user, (this.#versions.get(user) ?? 0) + 1);
  }

  /** Asks for the users that the backend believes online, as docs/http.md says. */
  #askForAll(): void {
    for (const [user, online] of this.#belief) if (online) this.#ask(user);
  }

  #ask(user: string): void {
    const { clock, random, markDirty, broke } = this.#deps;
    const version = this.#versions.get(user);
    let answered = false;
    // A gateway that dies does not answer.
    clock.setTimer(ASK_AGAIN_MS, () => {
      if (!answered) this.#ask(user);
    });
    clock.setTimer(random.int(1, TRANSIT_MS), () => {
      const answering = this.#world?.answering() ?? [];
      if (answering.length === 0) return;
      markDirty();
      const users = random.pick(answering);
      Promise.resolve(users.presence([user])).then(([{ connections } = NOBODY]) => {
        clock.setTimer(random.int(1, TRANSIT_MS), () => {
          answered = true;
          const newer = this.#versions.get(user) !== version;
          if (!newer) this.#belief.set(user, connections > 0);
        });
      }, () => {}).catch(broke);
    });
  }

  #violated(explanation: string): never {
    return this.#deps.report("the backend believes what is so", explanation);
  }
}

function word(online: boolean): string {
  return online ? "online" : "offline";
}
