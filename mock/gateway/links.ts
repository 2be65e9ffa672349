/**
 * The connections of a mock gateway, by name, and what is done to one of them or to all.
 *
 * It owns the names and the faults that connections begin with.
 *
 * @module
 */

import type { Clock, Socket } from "../../gateway/ports.ts";
import { type Faults, Link, NO_FAULTS } from "./link.ts";
import type { Transcript } from "./transcript.ts";

/** A connection's name, or all that are open. */
export type Target = string | "all";

/** What {@linkcode Links} work with. */
export interface LinksOptions {
  readonly clock: Clock;
  readonly transcript: Transcript;
  readonly closeGraceMs: number;
  readonly maxBufferedBytes: number;
}

/** What may wait for a peer to read it before a replay waits too, in bytes. */
const CONGESTED_BYTES = 64 * 1024;

/** Every connection whose socket is not gone. */
export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<string, Link>();
  #faults: Faults = NO_FAULTS;
  #count = 0;
  #wake: (() => void)[] = [];

  /** No connections. */
  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** The name of the connection that opened last. */
  get newest(): string {
    return `c${this.#count}`;
  }

  /** Whether a peer is behind with reading. */
  get congested(): boolean {
    return this.open.some((link) => link.unreadBytes > CONGESTED_BYTES);
  }

  /** The connections that the gateway knows. */
  get open(): readonly Link[] {
    return [...this.#links.values()].filter((link) => !link.over);
  }

  /** The connections whose peers still owe an answer, except for what was given up on. */
  get owing(): readonly Link[] {
    return [...this.#links.values()].filter((link) => link.pendingReplies);
  }

  /** Puts a link in front of `socket`. Its name is the next of `c1`, `c2`… */
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
      record: (event) => {
        transcript.add(id, event);
        if (link.finished) this.#links.delete(id);
      },
      heard: () => {
        if (link.finished) this.#links.delete(id);
        this.#awake();
      },
    });
    this.#links.set(id, link);
    transcript.add(id, { event: "opened", address });
    return link;
  }

  /** The open connections that are meant; `undefined` when there is none of this name. */
  select(target: Target): readonly Link[] | undefined {
    if (target === "all") return this.open;
    const link = this.#links.get(target);
    return link === undefined || link.over ? undefined : [link];
  }

  /** Sets what `faults` has; for `all`, also for connections that are still to come. */
  setFaults(target: Target, faults: Partial<Faults>): readonly Link[] | undefined {
    const links = this.select(target);
    if (target === "all") this.#faults = { ...this.#faults, ...faults };
    for (const link of links ?? []) link.faults = { ...link.faults, ...faults };
    return links;
  }

  /** Resolves the next time that a peer is heard of. */
  heard(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  /** Ends every connection and forgets all. */
  reset(): void {
    for (const link of this.#links.values()) link.discard();
    this.#links.clear();
    this.#faults = NO_FAULTS;
    this.#count = 0;
    this.#awake();
  }

  #awake(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}
