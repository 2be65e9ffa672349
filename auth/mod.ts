/**
 * Token verification, and the command `token`. The only part of the gateway that uses the JWT library.
 *
 * @module
 */

export { type Fetch, KeySet, type KeySetOptions } from "./key_set.ts";
export { runTokenCommand, type TokenCommandDeps, type TokenSettings } from "./token_command.ts";
export {
  createVerifier,
  type KeySource,
  type PreviousSecret,
  sharedSecret,
  type TokenHeader,
  type VerifierOptions,
} from "./verifier.ts";
