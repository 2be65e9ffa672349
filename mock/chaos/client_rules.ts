/**
 * The rules that clients must keep, as they can be seen from outside: for the clients of the simulation, and for
 * those of the test server, in any language. Pure.
 *
 * @module
 */

/** The name of a rule. */
export type ClientRule =
  | "the client delivers what arrives"
  | "the client delivers once, in order"
  | "the client resumes from its last message"
  | "a dead connection is given up"
  | "the client obeys the protocol"
  | "every client returns";

/** By name: what must hold. */
export const CLIENT_RULES: Readonly<Record<ClientRule, string>> = {
  "the client delivers what arrives": "at once to a listener, eventually to a loop",
  "the client delivers once, in order": "across connections and restarts of the app",
  "the client resumes from its last message": "or the start of its session",
  "a dead connection is given up":
    "within two intervals of being awake, or 15 s after a sleep that the wall clock shows",
  "the client obeys the protocol": "its own frames never cause 4001, 1009 or 4008",
  "every client returns": "once the world has healed",
};

/** The codes that only a client's own frames cause. */
export const CLIENT_FAULT_CODES: ReadonlySet<number> = new Set([1009, 4001, 4008]);

/** Allowance for connecting and a deadline that was just postponed, in milliseconds. */
const SLACK_MS = 30_000;

/** The time within which a client must give up a dead connection, in milliseconds. */
export function giveUpMs(heartbeatIntervalMs: number): number {
  return 2 * heartbeatIntervalMs + SLACK_MS;
}

/** Follows the position from which one client must resume. */
export class ResumeCheck {
  /** The last that has surely arrived, then those that may have. */
  #positions: (string | undefined)[];

  /** @param lastId the position that the app starts with */
  constructor(lastId?: string) {
    this.#positions = [lastId];
  }

  /** The newest. */
  get position(): string | undefined {
    return this.#positions.at(-1);
  }

  /** A message, or a Ready with this position, is on its way to the client. */
  sent(id: string): void {
    this.#positions.push(id);
  }

  /** Everything up to `id` has arrived; unless given, everything that was sent. */
  arrived(id: string | undefined = this.position): void {
    const index = this.#positions.lastIndexOf(id);
    if (index > 0) this.#positions = this.#positions.slice(index);
  }

  /**
   * True if `lastId` is right in an Identify that starts a session. That in a ready one, a renewal, must have
   * none.
   */
  accepts(lastId: string | undefined, { isReady }: { readonly isReady: boolean }): boolean {
    if (isReady) return lastId === undefined;
    if (!this.#positions.includes(lastId)) return false;
    this.arrived(lastId);
    return true;
  }

  /** The positions that would be right. */
  toString(): string {
    return this.#positions.slice(-3).map((id) => id ?? "none").join(" or ");
  }
}
