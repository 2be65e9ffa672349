/**
 * Token verification. The only part of the gateway that uses the JWT library; it issues no tokens.
 *
 * @module
 */

export { type Fetch, KeySet, type KeySetOptions } from "./key_set.ts";
export {
  createVerifier,
  type KeySource,
  sharedSecret,
  type TokenHeader,
  type VerifierOptions,
} from "./verifier.ts";
