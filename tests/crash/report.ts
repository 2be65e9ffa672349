/**
 * The findings of a run of the crash harness: compares the messages that were answered with 201 with those that
 * each client received.
 *
 * No I/O.
 *
 * @module
 */

/** A message as the publisher or a client knows it. */
export interface Known {
  readonly id: string;
  /** Unique among all messages of the run. */
  readonly content: string;
}

/** Counts of events. */
export interface Counts {
  /** Kills of the gateway. */
  kills: number;
  /** Sessions that resumed after a connection was lost. */
  resumed: number;
  /** Sessions that carried a `last_id` and were told `"resumed": false`. */
  refused: number;
  /** Connections that were lost or failed. */
  disconnects: number;
  /** Tokens that a client requested because a gateway had refused the previous one. */
  renewals: number;
  /** Disconnects because the app did not read. */
  pauses: number;
  /** Forbidden frames of a gateway, such as a repeated message, that the client library hid. */
  hidden: number;
  /** Requests that were repeated because no answer had come. */
  retries: number;
}

/** Differences between what clients received and what was accepted. */
export interface Differences {
  /** Accepted, but not received. */
  readonly losses: number;
  /** Received again, under the same id or another. */
  readonly duplicates: number;
  /** Received after a message with a later id. */
  readonly disorders: number;
  /** Received with an id that the publisher did not get. */
  readonly strangers: number;
}

/** Compares the messages of one client, in order, with the accepted ones. */
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

/** The sum of all differences. */
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
