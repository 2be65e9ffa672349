/**
 * The bounded send queue of one connection, in front of the runtime's own.
 *
 * The runtime gets little at a time, because what it has can neither be taken back nor dropped while the peer does
 * not read. `push` reports that the bound is reached; its caller decides what follows.
 *
 * @module
 */

import type { Outgoing, Socket } from "../ports.ts";
import { Waiters } from "../util.ts";

/** Most bytes that the runtime holds, exceeded by one push at most. */
const HANDED_BYTES = 64 * 1024;
/** Most bytes, unsent ones included, up to which `offer` sends. */
const OFFERED_BYTES = HANDED_BYTES / 2;

export class Outbox {
  readonly #socket: Socket;
  readonly #maxBytes: number;
  /** `undefined` while the peer keeps up. */
  #queue: Outgoing[] | undefined;
  #first = 0;
  #queuedBytes = 0;
  #emptied: Waiters | undefined;
  #discarded = false;

  /** @param maxBufferedBytes most bytes that may be unsent, the runtime's part included */
  constructor(socket: Socket, maxBufferedBytes: number) {
    this.#socket = socket;
    this.#maxBytes = maxBufferedBytes;
  }

  /** Queued bytes and those that the runtime holds. */
  get unsentBytes(): number {
    return this.#queuedBytes + this.#socket.bufferedBytes;
  }

  /**
   * Sends `outgoing` after everything that was pushed before. Returns `false`, and drops it, if it exceeds the
   * bound; with nothing unsent, any size is accepted.
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

  /**
   * Sends `outgoing` if the peer keeps up, so that it delays nothing that is pushed later. Returns `false`, and drops
   * it, if not.
   */
  offer(outgoing: Outgoing): boolean {
    if (this.#discarded || this.#queue !== undefined) return false;
    const handed = this.#socket.bufferedBytes;
    const most = Math.min(OFFERED_BYTES, this.#maxBytes / 4);
    if (handed > 0 && handed + outgoing.bytes > most) return false;
    this.#socket.send(outgoing);
    return true;
  }

  /** Resolves once everything has been sent, or at `discard`. */
  empty(): Promise<void> {
    if (this.#discarded || this.unsentBytes === 0) return Promise.resolve();
    this.#emptied ??= new Waiters();
    this.#socket.notifyFlushed();
    return this.#emptied.wait();
  }

  /** Refills the runtime, which has sent what it had. */
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

  /** Drops the queue, and everything that is pushed later. */
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
    waiting?.releaseAll();
  }
}
