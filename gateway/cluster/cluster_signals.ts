/**
 * Passes signals to all nodes of a deployment over the bus, without the log.
 *
 * A signal must not overtake what the log had when it was sent. It carries the number of log entries that its node
 * had followed, and a node that is behind holds it until it has followed as many, for a second at most.
 *
 * @module
 */

import type { Clock, CommandLog, Signal, Signals } from "../ports.ts";
import type { Bus } from "./bus.ts";

export interface ClusterSignalsDeps {
  readonly bus: Bus;
  /** The connections of this node. */
  readonly local: Signals;
  readonly log: Pick<CommandLog, "followed" | "whenFollowed">;
  readonly clock: Clock;
  /** Prefix of the subjects; the same on all nodes, and outside the stream's. */
  readonly subject: string;
  /** Called for each signal that this node drops because the log is late. */
  readonly dropped: () => void;
}

/** A signal between nodes. */
interface SharedSignal {
  /** Entries of the log that it follows. */
  readonly after: number;
  readonly signal: Signal;
}

interface Held extends SharedSignal {
  readonly untilMs: number;
}

const MAX_HELD_MS = 1000;
const MAX_HELD = 1000;

export class ClusterSignals implements Signals {
  readonly #deps: ClusterSignalsDeps;
  readonly #unsubscribe: () => void;
  /** In the order of their arrival, which they keep. */
  readonly #held: Held[] = [];

  constructor(deps: ClusterSignalsDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.bus.subscribe(this.#subject, (text) => this.#receive(text));
  }

  /** Publishes to every node, this one included. Lost where NATS cannot be reached. */
  signal(signals: readonly Signal[]): void {
    const { bus, log: { followed: after } } = this.#deps;
    for (const signal of signals) {
      bus.publish(this.#subject, JSON.stringify({ after, signal } satisfies SharedSignal));
    }
  }

  close(): void {
    this.#unsubscribe();
    this.#held.length = 0;
  }

  get #subject(): string {
    return `${this.#deps.subject}.signals`;
  }

  #receive(text: string): void {
    const { local, log, clock, dropped } = this.#deps;
    const { after, signal }: SharedSignal = JSON.parse(text);
    if (after <= log.followed && this.#held.length === 0) return local.signal([signal]);
    if (this.#held.length === MAX_HELD) return dropped();
    this.#held.push({ after, signal, untilMs: clock.steady() + MAX_HELD_MS });
    if (this.#held.length === 1) void this.#release();
  }

  /** Passes on what is held, in order, as the log catches up. */
  async #release(): Promise<void> {
    const { local, log, clock, dropped } = this.#deps;
    for (let held = this.#held[0]; held !== undefined; held = this.#held[0]) {
      const { after, signal, untilMs } = held;
      const isFollowed = await log.whenFollowed(after, Math.max(0, untilMs - clock.steady()));
      if (this.#held.shift() === undefined) return;
      if (isFollowed) local.signal([signal]);
      else dropped();
    }
  }
}
