/**
 * Random ids as the gateway's {@linkcode IdGenerator}, from the runtime's cryptographic source.
 *
 * @module
 */

import type { IdGenerator } from "../ports.ts";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
/** 16 characters of 36 kinds: over 82 bits, so that ids are unique and cannot be guessed. */
const LENGTH = 16;
/** The greatest multiple of the alphabet's size in a byte; bytes from here on would bias the result. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);

/** Random ids: 16 characters of `[0-9a-z]`. */
export class RandomIds implements IdGenerator {
  next(): string {
    // Joined, because a string that grows by one character takes 0.2 KB as long as it lives.
    const characters: string[] = [];
    while (characters.length < LENGTH) {
      for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH - characters.length))) {
        if (byte < FAIR_BYTES) characters.push(ALPHABET.charAt(byte % ALPHABET.length));
      }
    }
    return characters.join("");
  }
}
