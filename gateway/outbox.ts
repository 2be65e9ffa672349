/**
 * What one connection has still to send: a bounded queue in front of the runtime's own.
 *
 * The runtime is handed little at a time, because what it was handed can neither be taken back nor
 * forgotten while the peer does not read; what waits here can. It decides nothing: whoever pushes is
 * told when the bound is passed.
 *
 * @module
 */

import type { Clock, Socket, Timer } from "./ports.ts";

/** How much of a connection's data the runtime holds at most, but for one frame, in bytes. */
const HANDED_BYTES = 64 * 1024;
/** The runtime does not say when it has sent something, so it is asked, at first often. */
const POLL_FIRST_MS = 1;
const POLL_LAST_MS = 64;

/** Bounds of an {@linkcode Outbox}. */
export interface OutboxOptions {
  /** Where it sends. */
  readonly socket: Socket;
  /** When it looks again whether there is room. */
  readonly clock: Clock;
  /** Most bytes that may be unsent, the runtime's part included. */
  readonly maxBufferedBytes: number;
}

/** The frames that wait for one peer to read. */
export class Outbox {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  #queue: { readonly text: string; readonly bytes: number }[] = [];
  #first = 0;
  #queuedBytes = 0;
  #poll: Timer | undefined;
  #pollMs = POLL_FIRST_MS;
  #emptied: (() => void)[] = [];
  #discarded = false;

  /** An empty outbox of `socket`. */
  constructor({ socket, clock, maxBufferedBytes }: OutboxOptions) {
    this.#socket = socket;
    this.#clock = clock;
    this.#maxBytes = maxBufferedBytes;
  }

  /** Bytes that the peer has not taken yet. */
  get unsentBytes(): number {
    return this.#queuedBytes + this.#socket.bufferedBytes;
  }

  /**
   * Sends `text` after everything that was pushed before.
   *
   * @param bytes the length of `text` in UTF-8
   * @returns whether there was room; if not, it was not taken
   */
  push(text: string, bytes: number): boolean {
    if (this.#discarded) return true;
    if (this.#first === this.#queue.length) {
      const handed = this.#socket.bufferedBytes;
      if (handed < HANDED_BYTES) {
        if (handed > 0 && handed + bytes > this.#maxBytes) return false;
        this.#socket.send(text);
        return true;
      }
    }
    if (this.unsentBytes + bytes > this.#maxBytes) return false;
    this.#queue.push({ text, bytes });
    this.#queuedBytes += bytes;
    this.#pollLater();
    return true;
  }

  /** Resolves once nothing waits here and the runtime has sent what it was handed, or at `discard`. */
  empty(): Promise<void> {
    if (this.#discarded || this.unsentBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#emptied.push(resolve);
      this.#pollLater();
    });
  }

  /** Forgets what has not been handed to the runtime, and takes nothing more. */
  discard(): void {
    this.#discarded = true;
    this.#poll?.cancel();
    this.#poll = undefined;
    this.#queue = [];
    this.#first = 0;
    this.#queuedBytes = 0;
    this.#resolveEmptied();
  }

  #pollLater(): void {
    this.#poll ??= this.#clock.setTimer(this.#pollMs, () => {
      this.#poll = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    let sent = false;
    while (this.#first < this.#queue.length && this.#socket.bufferedBytes < HANDED_BYTES) {
      const next = this.#queue[this.#first++];
      if (next === undefined) break;
      this.#queuedBytes -= next.bytes;
      this.#socket.send(next.text);
      sent = true;
    }
    if (this.#first === this.#queue.length) {
      this.#queue = [];
      this.#first = 0;
      if (this.#socket.bufferedBytes === 0) this.#resolveEmptied();
    } else if (this.#first > 1024) {
      this.#queue.splice(0, this.#first);
      this.#first = 0;
    }
    const waiting = this.#queue.length > 0 || this.#emptied.length > 0;
    this.#pollMs = sent || !waiting ? POLL_FIRST_MS : Math.min(this.#pollMs * 2, POLL_LAST_MS);
    if (waiting) this.#pollLater();
  }

  #resolveEmptied(): void {
    const waiting = this.#emptied;
    this.#emptied = [];
    for (const resolve of waiting) resolve();
  }
}
