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
    let id = "";
    while (id.length < LENGTH) {
      for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH - id.length))) {
        if (byte < FAIR_BYTES) id += ALPHABET.charAt(byte % ALPHABET.length);
      }
    }
    return id;
  }
}
