/**
 * Who a client is: verification of the tokens that the app's backend hands out.
 *
 * The only part of the gateway that knows the JWT library. It issues no tokens.
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
