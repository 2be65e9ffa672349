/**
 * Simulates the app's backend: publishes with retries, changes members and disconnects users.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import type { Draft, Message, MessageLog, Signal, UserCommand, Users } from "../gateway/ports.ts";
import { revokeTokens } from "../gateway/revoke_tokens.ts";
import { contentOf } from "./history.ts";
import { PresenceCheck } from "./presence.ts";
import type { GatewayProcess } from "./process.ts";
import type { Random } from "../mock/chaos/random.ts";
import type { WorldDeps } from "./world_deps.ts";

const PUBLISH_MEAN_MS = 45_000;
const BURST_MEAN_MS = 100 * 60_000;
const MEMBERS_MEAN_MS = 8 * 60_000;
const SIGNAL_MEAN_MS = 20_000;
const PROBE_MS = 5 * 60_000;
const PRESENCE_MS = 60_000;
const MIN_RETRY_MS = 200;
const MAX_RETRY_MS = 60_000;
/** Attempts at a publish before the backend gives up. */
const TRIES = 40;

/** A publish with its retries. */
interface Order {
  readonly drafts: readonly Draft[];
  /** A publish without a key is not retried. */
  readonly key: string | undefined;
  readonly tries: number;
}

export class Backend {
  readonly #world: WorldDeps;
  readonly #random: Random;
  #over = false;
  /** Publishes without an answer; retried when their process dies. */
  readonly #open = new Map<Order, GatewayProcess>();
  #onPublish: (() => void) | undefined;

  constructor(world: WorldDeps) {
    this.#world = world;
    this.#random = world.random.fork("backend");
    this.#every(PUBLISH_MEAN_MS, "publish", (random) => {
      this.#publish(random, random.int(1, random.chance(0.2) ? 12 : 2));
      // Which must not overtake it.
      if (random.chance(0.5)) this.#signal(random.fork("signal"));
    });
    this.#every(SIGNAL_MEAN_MS, "signal", (random) => this.#signal(random));
    this.#every(BURST_MEAN_MS, "burst", (random) => {
      const bursts = random.int(1, 5);
      for (let count = 0; world.allows("burst") && count < bursts; count++) {
        this.#publish(random, random.int(20, 120), 1500);
      }
    });
    this.#every(MEMBERS_MEAN_MS, "members", (random) => {
      if (world.allows("members")) this.#changeMembers(random, random.pick(world.users));
    });
    if (world.cluster === undefined) this.#probe();
    this.#askPresence(new PresenceCheck(world), this.#random.fork("presence"));
  }

  /** Stops new publishes; pending ones are still retried. */
  end(): void {
    this.#over = true;
  }

  /** Retries the publishes that the process left unanswered. */
  processEnded(process: GatewayProcess): void {
    for (const [order, asked] of [...this.#open]) {
      if (asked !== process) continue;
      this.#open.delete(order);
      this.#retry(order);
    }
  }

  /** Publishes a burst, fails the disk or changes the channels of `user`. */
  bother(user: string, random: Random): void {
    if (this.#over) return;
    const luck = random.unit();
    // More than may be unsent to a client that does not read.
    if (luck < 0.3) this.#publish(random, random.int(50, 200), 3000);
    else if (luck > 0.9) this.#world.breakLog(random.int(1000, 60_000));
    else this.#changeMembers(random, user);
  }

  /** Revokes the tokens of `user`. */
  revoke(user: string): void {
    const { processes, clock, checker, count, timeline, markDirty, broke } = this.#world;
    const { log, users } = processes.pick() ?? {};
    if (this.#over || log === undefined || users === undefined) return;
    timeline.add("backend", `revokes the tokens of ${user}`);
    markDirty();
    revokeTokens(user, { clock, log, users }).then(({ issuedBefore, disconnected }) => {
      count("revoke");
      count("revoked connections", disconnected);
      checker.revocations.answered({ user, issuedBefore }, checker.history.lastSerial);
    }, (error: unknown) => {
      if (!(error instanceof OperationalError)) throw error;
      count(`revoke failed with ${error.code}`);
    }).catch(broke);
  }

  /** Publishes a few messages or changes the channels of `user`. */
  changeSlightly(user: string, random: Random): void {
    if (this.#over) return;
    if (random.chance(0.5)) this.#publish(random, random.int(1, 5), 100);
    else this.#changeMembers(random, user);
  }

  /**
   * Prepares for a slow client of `user` that returns in `atMs`: it misses many messages, and its
   * channels change during the replay, between more live messages than its buffer holds.
   */
  overtake(
    user: string,
    { random, atMs }: { readonly random: Random; readonly atMs: number },
  ): void {
    const { clock } = this.#world;
    clock.setTimer(Math.max(0, atMs - 500), () => {
      if (!this.#over) this.#publish(random, random.int(100, 150), 1500);
    });
    const firstMs = atMs + random.int(800, 2500);
    for (let round = 0; round < 4; round++) {
      clock.setTimer(firstMs + round * 300, () => {
        if (this.#over) return;
        this.#changeMembers(random, user);
        this.#publish(random, random.int(40, 60), 1500);
      });
    }
  }

  /** Calls `callback` once, at the next publish. */
  whenItPublishes(callback: () => void): void {
    this.#onPublish = callback;
  }

  #every(meanMs: number, name: string, act: (random: Random) => void): void {
    const random = this.#random.fork(name);
    const next = (): void => {
      this.#world.clock.setTimer(random.wait(meanMs), () => {
        if (this.#over) return;
        act(random.fork(String(this.#world.clock.steady())));
        next();
      });
    };
    next();
  }

  #publish(random: Random, count: number, maxBytes = random.chance(0.05) ? 6000 : 100): void {
    const drafts = Array.from({ length: count }, () => this.#draft(random, maxBytes));
    for (const draft of drafts) this.#world.checker.history.submitted(draft);
    const key = random.chance(0.7) ? `key${this.#world.nextSerial()}` : undefined;
    this.#try({ drafts, key, tries: 1 });
    this.#world.count("messages submitted", count);
    const onPublish = this.#onPublish;
    this.#onPublish = undefined;
    onPublish?.();
  }

  /** Sends signals, sometimes many at once. */
  #signal(random: Random): void {
    const { checker, clock, count, markDirty, processes } = this.#world;
    const process = processes.pick();
    const signals = process?.signals;
    if (process === undefined || signals === undefined) return;
    const number = random.chance(0.1) ? random.int(50, 200) : random.int(1, 3);
    const sent = Array.from({ length: number }, (): Signal => {
      return { ...this.#draft(random, 100), time: clock.now() };
    });
    const after = checker.headAt(process.number);
    for (const signal of sent) checker.signals.submitted(signal, after);
    markDirty();
    signals.signal(sent);
    count("signals sent", number);
  }

  #draft(random: Random, maxBytes: number): Draft {
    const { users, channels, nextSerial } = this.#world;
    const content = { n: nextSerial(), pad: "x".repeat(random.int(0, maxBytes)) };
    const author = random.pick(users);
    const luck = random.unit();
    if (luck < 0.6) return { channel: random.pick(channels), author, content };
    return luck < 0.85 ? { user: random.pick(users), author, content } : { author, content };
  }

  #try(order: Order): void {
    const process = this.#world.processes.pick();
    const log = process?.log;
    if (process === undefined || log === undefined) return this.#retry(order);
    this.#open.set(order, process);
    const { drafts, key } = order;
    this.#world.markDirty();
    const publishing = key === undefined
      ? log.publish(drafts)
      : log.publishOnce({ key, digest: digestOf(drafts) }, drafts);
    publishing.then(
      (answer) =>
        this.#accepted(order, { log, messages: "messages" in answer ? answer.messages : answer }),
      (error: unknown) => {
        if (!this.#open.delete(order)) return;
        if (!(error instanceof OperationalError)) throw error;
        this.#world.count(`publish failed with ${error.code}`);
        this.#retry(order);
      },
    ).catch(this.#world.broke);
  }

  #accepted(
    order: Order,
    { log, messages }: {
      readonly log: MessageLog;
      readonly messages: readonly Pick<Message, "id" | "time">[];
    },
  ): void {
    if (!this.#open.delete(order)) return;
    const { checker, count, timeline } = this.#world;
    count("messages accepted", messages.length);
    if (timeline.recording) {
      timeline.add("backend", `published ${messages.map(({ id }) => id).join(" ")}`);
    }
    checker.history.accepted(order.drafts, messages);
    if (order.key !== undefined && order.tries === 1 && messages.length === 1) {
      this.#reuse(log, order.key);
    }
  }

  /** Reuses a key with another body, which must be refused. */
  #reuse(log: MessageLog, key: string): void {
    log.publishOnce({ key, digest: "another" }, [{ author: "someone", content: null }]).then(
      () => this.#world.checker.keyTaken(key),
      (error: unknown) => {
        if (!(error instanceof OperationalError)) throw error;
      },
    ).catch(this.#world.broke);
  }

  /** Checks that the log's health matches the disk's. */
  #probe(): void {
    const { clock, processes, disk, checker, markDirty, broke } = this.#world;
    clock.setTimer(PROBE_MS, () => {
      this.#probe();
      const log = processes.pick()?.log;
      // On a slow disk, or one that is still busy, the check may time out.
      if (log === undefined || disk.busyUntilMs > clock.steady()) return;
      markDirty();
      log.check().then(
        () => checker.health("well", disk),
        () => checker.health("failing", disk),
      ).catch(broke);
    });
  }

  #askPresence(check: PresenceCheck, random: Random): void {
    const { clock, processes } = this.#world;
    clock.setTimer(PRESENCE_MS, () => {
      const asked = processes.pick();
      if (asked !== undefined) check.ask(asked, random);
      this.#askPresence(check, random);
    });
  }

  #retry(order: Order): void {
    if (order.key === undefined || order.tries >= TRIES) return;
    const maxMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** Math.min(order.tries, 10));
    const delayMs = Math.max(1, Math.floor(maxMs / 2));
    this.#world.clock.setTimer(delayMs, () => this.#try({ ...order, tries: order.tries + 1 }));
  }

  #changeMembers(random: Random, user: string): void {
    const { channels, memberships, processes, timeline, count } = this.#world;
    const channel = random.pick(channels);
    const users = processes.pick()?.users;
    if (users === undefined) return;
    if (random.chance(0.1)) {
      count("disconnect");
      timeline.add("backend", `disconnects ${user}`);
      return this.#execute(users, { do: "disconnect", user });
    }
    const channelsOfUser = memberships.get(user);
    const change = channelsOfUser?.delete(channel) ? "leave" : "join";
    if (change === "join") channelsOfUser?.add(channel);
    count(change);
    timeline.add("backend", `${user} ${change}s ${channel}`);
    this.#execute(users, { do: change, user, channel });
  }

  #execute(users: Users, command: UserCommand): void {
    const { markDirty, count, broke } = this.#world;
    markDirty();
    users.execute(command).catch((error: unknown) => {
      if (!(error instanceof OperationalError)) throw error;
      count(`${command.do} failed with ${error.code}`);
    }).catch(broke);
  }
}

/** Represents the body: the first message's number is unique. */
function digestOf([first]: readonly Draft[]): string {
  return first === undefined ? "" : `digest of ${contentOf(first).n}`;
}
