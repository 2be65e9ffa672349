/**
 * Draws all randomness of a simulated world from one seed.
 *
 * Each part has a named stream of its own, so that an extra draw in one does not shift another. It
 * must not depend on the machine.
 *
 * @module
 */

/** A stream of random numbers (sfc32), determined by its name alone. */
export class Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Creates the stream `name`, independent of all others. */
  constructor(name: string) {
    this.#name = name;
    this.#a = hash(name, 0x9e3779b9);
    this.#b = hash(name, 0x243f6a88);
    this.#c = hash(name, 0xb7e15162);
    for (let round = 0; round < 12; round++) this.#next();
  }

  /** Creates the stream `name` below this one, without drawing. */
  fork(name: string): Random {
    return new Random(`${this.#name}/${name}`);
  }

  /** Draws from [0, 1). */
  unit(): number {
    return this.#next() / 0x1_0000_0000;
  }

  /** Draws an integer from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** True with `probability`. Always draws once. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** Draws an exponential waiting time: an integer of at least 1 with about this mean. */
  wait(mean: number): number {
    return 1 + Math.floor(-Math.log(1 - this.unit()) * mean);
  }

  /** @throws {RangeError} if `choices` is empty */
  pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.unit() * choices.length)];
    if (choice === undefined) throw new RangeError("there is nothing to pick from");
    return choice;
  }

  /** Selects each of `choices` with `probability`, in order. */
  some<T>(choices: readonly T[], probability: number): T[] {
    return choices.filter(() => this.chance(probability));
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0;
    return sum >>> 0;
  }
}

/** FNV-1a with a final mix. */
function hash(text: string, basis: number): number {
  let value = basis;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return value ^ (value >>> 13);
}
