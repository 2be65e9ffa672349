/**
 * The text of a message's id, `<epoch>-<sequence>`: printed here, and read here strictly.
 *
 * An id comes back from clients, so reading one never throws: what is not an id is `undefined`.
 *
 * @module
 */

/** What the text of an id says. */
export interface MessageId {
  /** Names the log that the message is in: 1 to 40 characters of `[0-9a-z]`. */
  readonly epoch: string;
  /** The message's place in that log; 0 is the place before the first. */
  readonly sequence: number;
}

const PATTERN = /^([0-9a-z]{1,40})-(0|[1-9][0-9]{0,15})$/;

/** Prints an id. */
export function formatMessageId(epoch: string, sequence: number): string {
  return `${epoch}-${sequence}`;
}

/** Reads an id; `undefined` for anything that {@linkcode formatMessageId} does not print. */
export function parseMessageId(text: string): MessageId | undefined {
  const [, epoch, digits] = PATTERN.exec(text) ?? [];
  if (epoch === undefined || digits === undefined) return undefined;
  const sequence = Number(digits);
  return Number.isSafeInteger(sequence) ? { epoch, sequence } : undefined;
}
