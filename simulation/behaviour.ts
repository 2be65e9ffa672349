/**
 * Describes how a simulated client behaves; `client_faults.ts` changes it.
 *
 * @module
 */

/** How a client sends Identify; `bad_id` from its next start on. */
export type IdentifyManner = "prompt" | "late" | "never" | "twice" | "bad_id" | "hangs_up";
/** What is wrong with the next token. */
export type TokenFlaw = "unsigned" | "expired" | "strange_user" | "brief";

/** How a client behaves for now. All times in milliseconds. */
export interface Behaviour {
  acks: "at_once" | "twice" | "wrong" | "never";
  /** The longest that an ACK takes. */
  ackMostMs: number;
  /** Whether it answers a close frame. */
  answersClose: boolean;
  identifies: IdentifyManner;
  flaw: TokenFlaw | undefined;
  /** Whether its app has a new token when the old one is about to expire. */
  renews: boolean;
  /** What its next connection carries, in bytes each millisecond. */
  bytesPerMs: number;
  /** Whether its app may take long to read. */
  dawdles: boolean;
}

/** A client that does nothing wrong. */
export const CALM: Readonly<Behaviour> = {
  acks: "at_once",
  ackMostMs: 0,
  answersClose: true,
  identifies: "prompt",
  flaw: undefined,
  renews: true,
  bytesPerMs: Infinity,
  dawdles: false,
};
