/**
 * What a run of the crash harness has found: every message that was answered with 201 against what each
 * client received.
 *
 * No I/O.
 *
 * @module
 */

/** A message as one side knows it. */
export interface Known {
  readonly id: string;
  /** Unique among all messages of the run. */
  readonly content: string;
}

/** What happened, as counts. */
export interface Counts {
  /** Times that the gateway was killed. */
  kills: number;
  /** Sessions that resumed after a connection was lost. */
  resumed: number;
  /** Sessions that carried a `last_id` and were told `"resumed": false`. */
  refused: number;
  /** Connections that a client lost or could not make. */
  disconnects: number;
  /** Tokens that a client got because a gateway had refused the one before. */
  renewals: number;
  /** Times that a client disconnected because its app did not read. */
  pauses: number;
  /** Frames that a gateway must not send, such as a message again, and that the client library hid. */
  hidden: number;
  /** Requests that were sent again because no answer had come. */
  retries: number;
}

/** How what one or all clients received differs from what was accepted. */
export interface Differences {
  /** Accepted, but not received. */
  readonly losses: number;
  /** Received again, under the same id or another. */
  readonly duplicates: number;
  /** Received after a message with a later id. */
  readonly disorders: number;
  /** Received with an id that the publisher was not told. */
  readonly strangers: number;
}

/** Compares what one client received, in its order, with what was accepted. */
export function compare(received: readonly Known[], accepted: readonly Known[]): Differences {
  const ids = new Map(accepted.map(({ id, content }) => [content, id]));
  const seen = new Set<string>();
  let [duplicates, disorders, strangers, last] = [0, 0, 0, -1];
  for (const { id, content } of received) {
    if (seen.has(content)) duplicates += 1;
    else if (ids.get(content) !== id) strangers += 1;
    if (sequence(id) < last) disorders += 1;
    last = sequence(id);
    seen.add(content);
  }
  const losses = accepted.filter(({ content }) => !seen.has(content)).length;
  return { losses, duplicates, disorders, strangers };
}

/** All differences together. */
export function sum(all: readonly Differences[]): Differences {
  const total = (key: keyof Differences): number => all.reduce((so, each) => so + each[key], 0);
  return {
    losses: total("losses"),
    duplicates: total("duplicates"),
    disorders: total("disorders"),
    strangers: total("strangers"),
  };
}

function sequence(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}
