/**
 * What one connection has still to send: a bounded queue in front of the runtime's own.
 *
 * The runtime is handed little at a time, because what it was handed can neither be taken back nor
 * dropped while the peer does not read; what waits here can. It decides nothing: whoever pushes is
 * told when the bound is passed.
 *
 * @module
 */

import type { Outgoing, Socket } from "../ports.ts";

/** How much of a connection's data the runtime holds at most, but for one push, in bytes. */
const HANDED_BYTES = 64 * 1024;

/** Frames that wait for one peer to read. */
export class Outbox {
  readonly #socket: Socket;
  readonly #maxBytes: number;
  /** What waits; there is none as long as the peer keeps up. */
  #queue: Outgoing[] | undefined;
  #first = 0;
  #queuedBytes = 0;
  #emptied: (() => void)[] | undefined;
  #discarded = false;

  /** @param maxBufferedBytes most bytes that may be unsent, the runtime's part included */
  constructor(socket: Socket, maxBufferedBytes: number) {
    this.#socket = socket;
    this.#maxBytes = maxBufferedBytes;
  }

  /** Bytes that the peer has not taken yet. */
  get unsentBytes(): number {
    return this.#queuedBytes + this.#socket.bufferedBytes;
  }

  /**
   * Sends `outgoing` after everything that was pushed before.
   *
   * @returns whether there was room; if not, it was not taken
   */
  push(outgoing: Outgoing): boolean {
    if (this.#discarded) return true;
    const { bytes } = outgoing;
    if (this.#queue === undefined) {
      const handed = this.#socket.bufferedBytes;
      if (handed < HANDED_BYTES) {
        if (handed > 0 && handed + bytes > this.#maxBytes) return false;
        this.#socket.send(outgoing);
        return true;
      }
    }
    if (this.unsentBytes + bytes > this.#maxBytes) return false;
    this.#queue ??= [];
    this.#queue.push(outgoing);
    this.#queuedBytes += bytes;
    this.#socket.notifyFlushed();
    return true;
  }

  /** Resolves once nothing waits here and the runtime has sent what it was handed, or at `discard`. */
  empty(): Promise<void> {
    if (this.#discarded || this.unsentBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#emptied ??= [];
      this.#emptied.push(resolve);
      this.#socket.notifyFlushed();
    });
  }

  /** The runtime has sent what it was handed: hands it what comes next. */
  flushed(): void {
    const queue = this.#queue ?? [];
    while (this.#first < queue.length && this.#socket.bufferedBytes < HANDED_BYTES) {
      const next = queue[this.#first++];
      if (next === undefined) break;
      this.#queuedBytes -= next.bytes;
      this.#socket.send(next);
    }
    if (this.#first === queue.length) {
      this.#queue = undefined;
      this.#first = 0;
      if (this.#socket.bufferedBytes === 0) this.#resolveEmptied();
    } else if (this.#first > 1024) {
      queue.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.#queue !== undefined || this.#emptied !== undefined) this.#socket.notifyFlushed();
  }

  /** Drops what has not been handed to the runtime, and takes nothing more. */
  discard(): void {
    this.#discarded = true;
    this.#queue = undefined;
    this.#first = 0;
    this.#queuedBytes = 0;
    this.#resolveEmptied();
  }

  #resolveEmptied(): void {
    const waiting = this.#emptied;
    this.#emptied = undefined;
    for (const resolve of waiting ?? []) resolve();
  }
}
