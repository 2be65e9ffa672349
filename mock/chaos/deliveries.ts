/**
 * Follows what one client gives to its app, as far as its test tells. Pure.
 *
 * @module
 */

export class Deliveries {
  /** The ids that were sent to the client, in order, each with its place. */
  readonly #sent = new Map<string, number>();
  #newest: string | undefined;
  #last: string | undefined;

  /** A message is on its way to the client; perhaps again, in a replay. */
  sent(id: string): void {
    if (this.#sent.has(id)) return;
    this.#sent.set(id, this.#sent.size);
    this.#newest = id;
  }

  /** The app was given a message. Returns why it should not have been. */
  given(id: string): string | undefined {
    const place = this.#sent.get(id);
    if (place === undefined) return `${id} was given and never sent`;
    const last = this.#last;
    const expected = last === undefined ? place : (this.#sent.get(last) ?? -1) + 1;
    if (place < expected) return `${id} was given after ${last}`;
    if (place > expected) return `${id} was given after ${last}, with ${place - expected} between`;
    this.#last = id;
    return undefined;
  }

  /** Returns what the app lacks now that everything has arrived; nothing if its test tells nothing. */
  get lacks(): string | undefined {
    return this.#last === undefined || this.#last === this.#newest
      ? undefined
      : `${this.#newest} arrived, and the last that was given is ${this.#last}`;
  }
}
