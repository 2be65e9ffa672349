/**
 * Lets things go wrong for the clients of a mock gateway, by a seed, and judges what they do. The faults are
 * those that a client must survive.
 *
 * @module
 */

import { MockGateway } from "../gateway/gateway.ts";
import { ChaosSchema, checked } from "../gateway/input.ts";
import { type TranscriptEntry, withoutToken } from "../gateway/transcript.ts";
import { type BrokenClientRule, ClientCheck } from "./client_check.ts";
import { Random } from "./random.ts";

const MINUTE_MS = 60_000;
/** Mean times between publishes, and between faults. */
const PUBLISH_MEAN_MS = 15_000;
const FAULT_MEAN_MS = 2 * MINUTE_MS;
/** The longest time between two looks at the transcript. */
const SWEEP_MS = MINUTE_MS;
/** Time for a client to return: two intervals of heartbeats and the longest backoff, with room to spare. */
const RETURN_MS = 10 * MINUTE_MS;
/** Codes after which a client reconnects with the same token. */
const CODES = [1011, 1012, 1013, 4002, 4009] as const;

/** Every fault, in words. */
export const CHAOS_FAULTS = {
  drop: "connections end without a close frame",
  silence: "connections become half-open: nothing passes, and nobody is notified",
  close: `connections are closed with one of ${CODES.join(", ")}`,
  refuse: "connections end, and the next one to three handshakes are refused with 503",
  replay: "connections end, and again in the middle of the replay that follows",
  slow: "everything takes up to two seconds, each way, for a while",
  odd: "a frame with an unknown `op` arrives, which clients ignore",
} as const;

type ChaosFault = keyof typeof CHAOS_FAULTS;

/** Options of {@linkcode runChaos}. */
export interface ChaosOptions {
  /** The same seed, client and state of the gateway give the same chaos. */
  readonly seed: number;
  /** Its length, in minutes of virtual time. */
  readonly minutes: number;
}

/** The verdict of {@linkcode runChaos}. */
export interface ChaosOutcome {
  /** The first rule that was broken; the chaos ends with it. */
  readonly broken: BrokenClientRule | undefined;
  /** How often each fault was inflicted. */
  readonly faults: Readonly<Record<string, number>>;
  /** Messages that were published, besides those of `replay`. */
  readonly messages: number;
  /** From the start of the chaos on, without tokens, and without what the app was given. */
  readonly transcript: readonly TranscriptEntry[];
}

/**
 * Inflicts faults on the clients of `gateway` until the time is over or one breaks a rule. Returns `"no clients"`
 * unless there are connections, each ready and of another user.
 *
 * @throws {Error} if the gateway is reset meanwhile
 */
export async function runChaos(
  gateway: MockGateway,
  options: ChaosOptions,
): Promise<ChaosOutcome | "no clients"> {
  if (!(gateway instanceof MockGateway)) {
    throw new TypeError("runChaos(): expected a gateway and options");
  }
  return await new Chaos(gateway, checked("runChaos()", ChaosSchema, options)).run();
}

class Chaos {
  readonly #gateway: MockGateway;
  readonly #resets: number;
  readonly #endMs: number;
  readonly #publishes: Random;
  readonly #fates: Random;
  readonly #check = new ClientCheck();
  readonly #faults: Record<string, number> = {};
  #users: readonly string[] = [];
  #messages = 0;
  #read = 0;
  /** Since when a client has been away. */
  #awaySinceMs: number | undefined;
  /** Undoes the last fault. */
  #undo: () => Promise<unknown> | void = () => {};

  constructor(gateway: MockGateway, { seed, minutes }: ChaosOptions) {
    this.#gateway = gateway;
    this.#resets = gateway.resets;
    this.#endMs = gateway.clock.now() + minutes * MINUTE_MS;
    const random = new Random(`chaos ${seed}`);
    this.#publishes = random.fork("publishes");
    this.#fates = random.fork("faults");
  }

  async run(): Promise<ChaosOutcome | "no clients"> {
    const { clock } = this.#gateway;
    await this.#gateway.settled();
    this.#users = this.#ready;
    const users = new Set(this.#users);
    if (users.size === 0 || users.size < this.#gateway.connections.length) return "no clients";
    this.#look();
    const from = this.#read;
    let publishAt = clock.now() + this.#publishes.wait(PUBLISH_MEAN_MS);
    let faultAt = clock.now() + this.#fates.wait(FAULT_MEAN_MS);
    while (clock.now() < this.#endMs && this.#check.broken === undefined) {
      await this.#advanceTo(Math.min(publishAt, faultAt, this.#endMs));
      if (clock.now() >= publishAt) {
        await this.#publish();
        publishAt = clock.now() + this.#publishes.wait(PUBLISH_MEAN_MS);
      }
      if (clock.now() >= faultAt) {
        await this.#undo();
        this.#undo = () => {};
        const fault = this.#fates.pick(Object.keys(CHAOS_FAULTS) as ChaosFault[]);
        // One at a time: when a fault is over, the client has returned.
        if (this.#awaySinceMs === undefined) await this.#inflict(fault);
        faultAt = clock.now() + this.#fates.wait(FAULT_MEAN_MS);
      }
    }
    await this.#undo();
    if (this.#check.broken === undefined) await this.#heal();
    return {
      broken: this.#check.broken,
      faults: this.#faults,
      messages: this.#messages,
      transcript: this.#gateway.transcript.slice(from)
        .filter(({ event }) => event !== "delivered").map(withoutToken),
    };
  }

  /** The users of connections that are ready, and not half-open. */
  get #ready(): readonly string[] {
    return this.#gateway.connections.filter(({ phase, frozen }) => phase === "ready" && !frozen)
      .flatMap(({ user }) => user ?? []);
  }

  async #advanceTo(atMs: number): Promise<void> {
    const { clock } = this.#gateway;
    while (clock.now() < atMs && this.#check.broken === undefined) {
      let leftMs = Math.min(SWEEP_MS, atMs - clock.now());
      await clock.advanceWhile(() => {
        // Time after a reset is that of another test.
        const ms = this.#wasReset ? 0 : leftMs;
        leftMs = 0;
        return ms;
      });
      this.#look();
    }
  }

  get #wasReset(): boolean {
    return this.#gateway.resets !== this.#resets;
  }

  #look(): void {
    if (this.#wasReset) throw new Error("runChaos(): the gateway was reset meanwhile");
    const { transcript, clock } = this.#gateway;
    for (const entry of transcript.slice(this.#read)) this.#check.read(entry);
    this.#read = transcript.length;
    this.#check.sweep(clock.now());
    const ready = new Set(this.#ready);
    const away = this.#users.filter((user) => !ready.has(user));
    this.#awaySinceMs = away.length === 0 ? undefined : this.#awaySinceMs ?? clock.now();
    const awayMs = clock.now() - (this.#awaySinceMs ?? clock.now());
    if (awayMs > RETURN_MS) this.#check.away(clock.now(), away);
  }

  async #publish(): Promise<void> {
    const random = this.#publishes;
    const drafts = Array.from({ length: random.int(1, 4) }, () => {
      const content = { n: ++this.#messages };
      return { user: random.pick(this.#users), author: "chaos", content };
    });
    await this.#gateway.publish(...drafts);
    this.#look();
  }

  async #inflict(fault: ChaosFault): Promise<void> {
    const gateway = this.#gateway;
    const random = this.#fates;
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
    switch (fault) {
      case "drop":
        await gateway.drop();
        break;
      case "silence":
        await gateway.freeze();
        break;
      case "close":
        await gateway.close("all", { code: random.pick(CODES) });
        break;
      case "refuse":
        this.#rule({ action: { type: "refuse" }, times: random.int(1, 3) });
        await gateway.drop();
        break;
      case "replay":
        this.#rule({ match: { replayed: true, nth: 2 }, action: { type: "drop" }, times: 1 });
        await gateway.drop();
        for (const user of this.#users) {
          await gateway.publish(...[1, 2, 3].map((n) => ({ user, author: "chaos", content: n })));
        }
        break;
      case "slow":
        await gateway.setFaults("all", { delayMs: random.int(1, 2000) });
        this.#undo = () => gateway.setFaults("all", { delayMs: 0 });
        break;
      case "odd":
        await gateway.send("all", { json: { op: random.int(50, 99), time: 2 ** 40, more: [] } });
        break;
    }
    this.#look();
  }

  #rule(rule: Parameters<MockGateway["rules"]["add"]>[0]): void {
    const { id } = this.#gateway.rules.add(rule);
    this.#undo = () => void this.#gateway.rules.remove(id);
  }

  /** Nothing goes wrong any more, so each client must return. */
  async #heal(): Promise<void> {
    const { clock } = this.#gateway;
    const untilMs = clock.now() + RETURN_MS;
    await this.#advanceTo(clock.now() + SWEEP_MS);
    while (this.#awaySinceMs !== undefined && clock.now() < untilMs) {
      await this.#advanceTo(clock.now() + SWEEP_MS);
      if (this.#check.broken !== undefined) return;
    }
    if (this.#awaySinceMs === undefined) return this.#check.finish(clock.now());
    this.#check.away(clock.now(), this.#users);
  }
}
