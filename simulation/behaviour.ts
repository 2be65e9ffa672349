/**
 * Describes how a simulated client behaves; `client_faults.ts` changes it.
 *
 * @module
 */

/** Timing of Identify; `bad_id` takes effect when the app next starts. */
export type IdentifyManner = "prompt" | "late" | "never" | "twice" | "bad_id" | "hangs_up";
/** A defect of the next token. */
export type TokenFlaw = "unsigned" | "expired" | "strange_user" | "brief";

/** All times in milliseconds. */
export interface Behaviour {
  acks: "at_once" | "twice" | "wrong" | "never";
  /** Maximum delay of an ACK. */
  maxAckMs: number;
  answersClose: boolean;
  identifies: IdentifyManner;
  flaw: TokenFlaw | undefined;
  /** The app has a new token when the old one is about to expire. */
  renews: boolean;
  /** Bandwidth of the next connection, in bytes per millisecond. */
  bytesPerMs: number;
  /** The app may be slow to read. */
  dawdles: boolean;
}

export const CALM: Readonly<Behaviour> = {
  acks: "at_once",
  maxAckMs: 0,
  answersClose: true,
  identifies: "prompt",
  flaw: undefined,
  renews: true,
  bytesPerMs: Infinity,
  dawdles: false,
};
