/**
 * Message ids, `<epoch>-<sequence>`. Parsing never throws, because ids come back from clients.
 *
 * @module
 */

export interface MessageId {
  /** Identifies the log: 1 to 40 characters of `[0-9a-z]`. */
  readonly epoch: string;
  /** The position in that log; 0 is before the first message. */
  readonly sequence: number;
}

const PATTERN = /^([0-9a-z]{1,40})-(0|[1-9][0-9]{0,15})$/;

export function formatMessageId(epoch: string, sequence: number): string {
  return `${epoch}-${sequence}`;
}

/** Parses an id; `undefined` for any text that {@linkcode formatMessageId} does not produce. */
export function parseMessageId(text: string): MessageId | undefined {
  const [, epoch, digits] = PATTERN.exec(text) ?? [];
  if (epoch === undefined || digits === undefined) return undefined;
  const sequence = Number(digits);
  return Number.isSafeInteger(sequence) ? { epoch, sequence } : undefined;
}
