/**
 * Holds the links of a mock gateway by id, with the faults that new ones start with.
 *
 * @module
 */

import type { Clock, Socket } from "../../gateway/ports.ts";
import { Waiters } from "../../gateway/util.ts";
import { FaultRules } from "./fault_rules.ts";
import { type Faults, NO_FAULTS } from "./faults.ts";
import { Link } from "./link.ts";
import type { Transcript } from "./transcript.ts";

/** The id of a connection, or all that are open. */
export type Target = string | "all";

export interface LinksOptions {
  readonly clock: Clock;
  readonly transcript: Transcript;
  readonly closeGraceMs: number;
  readonly maxBufferedBytes: number;
}

/** Holds up frames while the clock of a client is ahead. */
const CLOCK = "clock";

/** Unread bytes of a peer from which on a replay waits. */
const CONGESTED_BYTES = 64 * 1024;

/** The address of clients in this process. From a range for documentation (RFC 5737). */
export const IN_PROCESS_ADDRESS = "192.0.2.1";

/** Every link whose socket is not closed. */
export class Links {
  readonly rules: FaultRules = new FaultRules((id) => {
    for (const link of this.#links.values()) link.release(id);
  });
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();
  #faults: Faults = NO_FAULTS;
  #count = 0;
  readonly #waiting = new Waiters();

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** The id of the connection that opened last. */
  get newest(): string {
    return `c${this.#count}`;
  }

  get congested(): boolean {
    return this.open.some((link) => link.unreadBytes > CONGESTED_BYTES);
  }

  /** The connections that are open for the gateway. */
  get open(): readonly Link[] {
    return [...this.#links.values()].filter((link) => !link.over);
  }

  get withPendingReplies(): readonly Link[] {
    return [...this.#links.values()].filter((link) => link.hasPendingReplies);
  }

  /** Puts a link in front of `socket`, with the next id of `c1`, `c2`… */
  add(socket: Socket, address: string): Link {
    const { clock, transcript, closeGraceMs, maxBufferedBytes } = this.#options;
    this.#count += 1;
    const id = this.newest;
    const link = new Link({
      id,
      socket,
      clock,
      closeGraceMs,
      maxBufferedBytes,
      faults: this.#faults,
      rules: this.rules,
      record: (event) => {
        transcript.add(id, event);
        if (link.finished) this.#links.delete(id);
      },
      changed: () => {
        if (link.finished) this.#links.delete(id);
        this.#waiting.releaseAll();
      },
    });
    this.#links.set(id, link);
    transcript.add(id, { event: "opened", address });
    return link;
  }

  /** The open connections of `target`; `undefined` if there is none with this id. */
  select(target: Target): readonly Link[] | undefined {
    if (target === "all") return this.open;
    const link = this.#links.get(target);
    return link === undefined || link.over ? undefined : [link];
  }

  /** Sets the faults that are given; for `all`, also for future connections. */
  setFaults(target: Target, faults: Partial<Faults>): readonly Link[] | undefined {
    const links = this.select(target);
    if (target === "all") this.#faults = { ...this.#faults, ...faults };
    for (const link of links ?? []) link.faults = { ...link.faults, ...faults };
    return links;
  }

  /** Holds up what clients send, or passes on what was held. */
  holdReceived(isHeld: boolean): void {
    for (const link of this.#links.values()) {
      if (isHeld) link.holdReceived(CLOCK);
      else link.release(CLOCK);
    }
  }

  /** Resolves when a peer next sends or closes. */
  changed(): Promise<void> {
    return this.#waiting.wait();
  }

  /** Ends every connection, clears faults and rules, and starts again at `c1`. */
  reset(): void {
    for (const link of this.#links.values()) link.discard();
    this.#links.clear();
    this.rules.reset();
    this.#faults = NO_FAULTS;
    this.#count = 0;
    this.#waiting.releaseAll();
  }
}
