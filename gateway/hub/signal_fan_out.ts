/**
 * Fans out signals, which are worth something only at once: to the members that asked for them, after every
 * message that is there, and in a bounded share of the event loop, so that they make no message late.
 *
 * Signals that wait for one audience are sent together, with one write for each member: the more there are, the
 * less each costs. What cannot be sent soon is dropped, the oldest first.
 *
 * @module
 */

import type { Clock, Outgoing, Signal, Timer } from "../ports.ts";
import { encodeSignal, Frames } from "../session/encode.ts";

/**
 * In each period, signals are sent to at most so many members, and for at most so long. The clock does not include
 * the writes to sockets, which follow at the end of the turn: one for each member, about 14 µs.
 */
const PERIOD_MS = 5;
const PERIOD_MEMBERS = 64;
const PERIOD_BUSY_MS = 1;
/** A signal that has waited longer is dropped. */
const MAX_WAIT_MS = 1000;
/** Signals that may wait for one audience, and audiences for which some may. */
const MAX_WAITING = 128;
const MAX_AUDIENCES = 512;

export interface SignalMember {
  /** Asked for signals when it registered. */
  readonly wantsSignals: boolean;
  /** Sends signals that this member may see, or drops them. Must not throw. */
  deliverSignals(frames: Outgoing): void;
}

/** The part of `Map` and `Set` that fan-out needs. */
export interface Audience<M> {
  readonly size: number;
  has(member: M): boolean;
  keys(): Iterable<M>;
}

export interface SignalFanOutDeps<M> {
  readonly clock: Clock;
  /** The members that may see this signal. */
  readonly audienceOf: (signal: Pick<Signal, "channel" | "user">) => Audience<M> | undefined;
  /** Every message that is there has been fanned out. */
  readonly isIdle: () => boolean;
  /** Called with the number of signals that were dropped. */
  readonly dropped: (count: number) => void;
  /** Characters of JSON that may wait for one audience; one signal may be longer. */
  readonly maxLength: number;
  /** Most members in a period; 64 at most. */
  readonly periodMembers: number;
}

/** Signals that wait for one audience. */
interface Queue {
  readonly to: Pick<Signal, "channel" | "user">;
  readonly signals: { readonly text: string; readonly atMs: number }[];
  length: number;
}

interface Delivering<M> {
  readonly frames: Outgoing;
  /** The listeners in the audience when delivery began. */
  readonly members: readonly M[];
  /** The audience now. */
  readonly audience: Audience<M>;
  /** Number of `members` that were served. */
  served: number;
}

export class SignalFanOut<M extends SignalMember> {
  readonly #deps: SignalFanOutDeps<M>;
  readonly #periodMembers: number;
  readonly #listeners = new Set<M>();
  /** By audience; the one that waits longest first. */
  readonly #queues = new Map<string, Queue>();
  #delivering: Delivering<M> | undefined;
  #timer: Timer | undefined;
  #periodEndMs = -Infinity;
  #membersLeft = 0;
  #busyMsLeft = 0;

  constructor(deps: SignalFanOutDeps<M>) {
    this.#deps = deps;
    this.#periodMembers = Math.min(deps.periodMembers, PERIOD_MEMBERS);
  }

  /** Members that asked for signals. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Includes `member` if it wants signals, and excludes it if not. */
  register(member: M): void {
    if (member.wantsSignals) this.#listeners.add(member);
    else this.remove(member);
  }

  remove(member: M): void {
    if (!this.#listeners.delete(member) || this.#listeners.size > 0) return;
    this.#queues.clear();
    this.#delivering = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Sends `signals`: at once as far as the period allows, the rest soon or never. */
  publish(signals: readonly Signal[]): void {
    if (this.#listeners.size === 0) return;
    for (const signal of signals) this.#enqueue(signal);
    if (this.#timer === undefined) this.#send();
  }

  /** The fan-out of messages has become idle. */
  resume(): void {
    if (this.#timer !== undefined) return;
    if (this.#delivering === undefined && this.#queues.size === 0) return;
    // Not in this turn, at whose end the messages are written to the sockets.
    this.#sendAfter(0);
  }

  #enqueue(signal: Signal): void {
    const { audienceOf, clock, dropped, maxLength } = this.#deps;
    const { channel, user } = signal;
    if ((audienceOf(signal)?.size ?? 0) === 0) return;
    const key = JSON.stringify([channel ?? null, user ?? null]);
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { to: signal, signals: [], length: 0 };
      this.#queues.set(key, queue);
    }
    const text = encodeSignal(signal);
    queue.signals.push({ text, atMs: clock.steady() });
    queue.length += text.length;
    while (
      queue.signals.length > MAX_WAITING || queue.length > maxLength && queue.signals.length > 1
    ) {
      queue.length -= queue.signals.shift()?.text.length ?? 0;
      dropped(1);
    }
    if (this.#queues.size <= MAX_AUDIENCES) return;
    for (const [oldest, { signals }] of this.#queues) {
      dropped(signals.length);
      this.#queues.delete(oldest);
      return;
    }
  }

  #sendAfter(delayMs: number): void {
    this.#timer = this.#deps.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#send();
    });
  }

  /** Sends until the period's share is used up, nothing waits, or a message is there. */
  #send(): void {
    const { clock, isIdle } = this.#deps;
    const startMs = clock.steady();
    if (startMs >= this.#periodEndMs) {
      this.#periodEndMs = startMs + PERIOD_MS;
      this.#membersLeft = this.#periodMembers;
      this.#busyMsLeft = PERIOD_BUSY_MS;
    }
    let nowMs = startMs;
    while (isIdle()) {
      const delivering = this.#delivering ??= this.#next();
      if (delivering === undefined) break;
      if (this.#membersLeft <= 0 || nowMs - startMs >= this.#busyMsLeft) {
        this.#sendAfter(Math.max(0, this.#periodEndMs - nowMs));
        break;
      }
      if (this.#serve(delivering)) {
        this.#membersLeft -= 1;
        nowMs = clock.steady();
      }
      if (delivering.served === delivering.members.length) this.#delivering = undefined;
    }
    this.#busyMsLeft -= nowMs - startMs;
  }

  /** Serves the next member. Returns `false` if it may not see the signals any more. */
  #serve(delivering: Delivering<M>): boolean {
    const { members, audience, frames } = delivering;
    const member = members[delivering.served];
    delivering.served += 1;
    if (member === undefined || !audience.has(member) || !this.#listeners.has(member)) return false;
    member.deliverSignals(frames);
    return true;
  }

  /** Everything that waits for the audience that has waited longest. */
  #next(): Delivering<M> | undefined {
    const { audienceOf, clock, dropped } = this.#deps;
    const oldestMs = clock.steady() - MAX_WAIT_MS;
    for (const [key, { to, signals }] of this.#queues) {
      this.#queues.delete(key);
      const texts = signals.filter(({ atMs }) => atMs >= oldestMs).map(({ text }) => text);
      if (texts.length < signals.length) dropped(signals.length - texts.length);
      const audience = audienceOf(to);
      if (texts.length === 0 || audience === undefined) continue;
      const members = this.#listenersIn(audience);
      if (members.length > 0) return { frames: new Frames(texts), members, audience, served: 0 };
    }
    return undefined;
  }

  /** Costs what the smaller of the two sets does. */
  #listenersIn(audience: Audience<M>): readonly M[] {
    const listeners: Audience<M> = this.#listeners;
    const [few, many] = audience.size < listeners.size
      ? [audience, listeners]
      : [listeners, audience];
    return [...few.keys()].filter((member) => many.has(member));
  }
}
