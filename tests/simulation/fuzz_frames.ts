/**
 * Generates frames for the fuzzer: valid, nearly valid and hostile, from a seed and from ready pieces,
 * since a million take seconds this way.
 *
 * @module
 */

import { Random } from "../../simulation/mod.ts";

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
const deepObject = (depth: number) => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);

/** Valid and invalid JSON values for any field. */
const VALUES = [
  ..."0 1 2 3 10 11 -0 -1 1.5 1e1 1E400 -1e400 1e-400 5e-324 9007199254740991".split(" "),
  ..."9007199254740992 1579276740336 4294967306 00 +1 .5 1. 0x1 NaN Infinity".split(" "),
  "1" + "0".repeat(400),
  "null",
  "true",
  "undefined",
  '""',
  '"10"',
  '"token"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\ud800"',
  '"\ufeff"',
  '"\\u0000"',
  '"\u0000"',
  '"__proto__"',
  '"\\q"',
  "[]",
  "[10]",
  "{}",
  '{"op":10,"time":1}',
  '{"__proto__":{"op":10}}',
  nested(50),
  "[".repeat(100),
] as const;

/** Long values, used rarely because they are slow to parse. */
const LONG_VALUES = [
  `"${"x".repeat(4_060)}"`,
  `"${"é".repeat(1_000)}"`,
  `"${"€".repeat(1_365)}"`,
  `"${"😀".repeat(1_010)}"`,
  nested(1_900),
  deepObject(400),
] as const;

const KEYS = [
  "op",
  "time",
  "token",
  "last_id",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "toJSON",
  "OP",
  "\\u006fp",
  "o\\u0070",
  "",
  "\ud800",
] as const;

/** Special messages. */
const WHOLE = [
  "",
  " ",
  "null",
  "[]",
  "\ufeff{}",
  '{"op":10,"time":1}\n{"op":10,"time":2}',
  '{"op":1,"token":"a","token":7}',
  '{"op":10,"op":11,"time":1}',
  '{"__proto__":{"op":10,"time":1}}',
  '{"op":10,"__proto__":{"time":1}}',
  '{"constructor":{"prototype":{"op":10,"time":1}}}',
  nested(2_048),
  nested(2_049),
  nested(50_000),
  deepObject(600),
  "[".repeat(4_096),
  '{"op":1,"token":"' + "x".repeat(4_077) + '"}',
  '{"op":1,"token":"' + "x".repeat(4_078) + '"}',
  "x".repeat(100_000),
] as const;

/** Characters that a mutation inserts. */
const CHARACTERS = [
  ...'{}[]",:\\0123456789-+.eE \n\tnulltrue\u0000\u007fé€',
  "😀",
  "\ud800",
  "\udfff",
];

/** Generates messages, the same for the same seed. */
export class FrameSource {
  readonly #random: Random;

  constructor(seed: string) {
    this.#random = new Random(seed);
  }

  /** An integer in [0, below). */
  integer(below: number): number {
    return this.#random.int(0, below - 1);
  }

  pick(items: readonly string[]): string {
    return this.#random.pick(items);
  }

  /** Generates a message; `outstanding` is the time of an ACK that would count. */
  next(outstanding: number): string | Uint8Array {
    const kind = this.integer(100);
    if (kind < 40) return this.#valid(outstanding);
    if (kind < 60) return this.#swapped(this.#valid(outstanding));
    if (kind < 70) return this.#damaged(this.#valid(outstanding));
    if (kind < 94) return this.#assembled();
    if (kind < 98) return this.pick(WHOLE);
    return Uint8Array.from({ length: this.integer(100) }, () => this.integer(256));
  }

  #value(): string {
    return this.pick(this.integer(16) === 0 ? LONG_VALUES : VALUES);
  }

  #valid(outstanding: number): string {
    switch (this.integer(8)) {
      case 0:
        return '{"op":1,"token":"eyJ0.e30.c2ln"}';
      case 1:
        return `{"op":1,"token":"t${this.integer(1e6)}","last_id":"c7f3-${this.integer(1e6)}"}`;
      case 2:
      case 3:
        return `{"op":11,"time":${outstanding}}`;
      case 4:
        return `{ "time": ${this.integer(2 ** 53)}, "op": 11, "x": [1, {}] }`;
      case 5:
        return `{"op":10,"__proto__":{"op":1},"time":${this.integer(2 ** 41)}}`;
      default:
        return `{"op":10,"time":${this.integer(2 ** 53)}}`;
    }
  }

  /** Replaces a key or a value; mostly still JSON. */
  #swapped(text: string): string {
    const from = text.indexOf(this.integer(2) === 0 ? "," : "{") + 1;
    const colon = text.indexOf(":", from);
    if (this.integer(4) === 0) {
      return `${text.slice(0, from)}"${this.pick(KEYS)}"${text.slice(colon)}`;
    }
    const end = text.indexOf(",", colon);
    const rest = end < 0 ? "}" : text.slice(end);
    return `${text.slice(0, colon + 1)}${this.#value()}${rest}`;
  }

  /** Deletes, inserts or replaces up to three characters, truncates, or repeats a part. */
  #damaged(text: string): string {
    let damaged = text;
    for (let faults = 1 + this.integer(3); faults > 0; faults--) {
      const at = this.integer(damaged.length + 1);
      const head = damaged.slice(0, at);
      switch (this.integer(5)) {
        case 0:
          damaged = head + damaged.slice(at + 1);
          break;
        case 1:
          damaged = head + this.pick(CHARACTERS) + damaged.slice(at);
          break;
        case 2:
          damaged = head + this.pick(CHARACTERS) + damaged.slice(at + 1);
          break;
        case 3:
          damaged = head;
          break;
        case 4:
          damaged = head + damaged.slice(Math.max(0, at - 8));
          break;
      }
    }
    return damaged;
  }

  /** An object of up to four of the above keys and values. */
  #assembled(): string {
    const fields: string[] = [];
    if (this.integer(4) > 0) fields.push(`"op":${this.pick(["0", "1", "2", "3", "10", "11"])}`);
    for (let count = this.integer(4); count > 0; count--) {
      fields.push(`"${this.pick(KEYS)}":${this.#value()}`);
    }
    return `{${fields.join(",")}}`;
  }
}
