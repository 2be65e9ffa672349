/**
 * Checks what one session receives: order, exactly once, and only what its user may see. It
 * compares the entitlements it is given with the frames that arrive at the client.
 *
 * @module
 */

import type { Message } from "../gateway/ports.ts";
import { contentOf, type History, type HistoryEntry, type Progress } from "./history.ts";
import type { Report } from "./violation.ts";

/** A message in flight. It is optional without `must`, after the user left its channel. */
interface Expected {
  readonly entry: HistoryEntry;
  must: boolean;
}

export interface DeliveryDeps {
  readonly connection: number;
  readonly history: History;
  /** Progress of the session's node. */
  readonly progress: Progress;
  readonly report: Report;
  readonly epoch: string;
  readonly user: string;
  readonly channels: readonly string[];
  /** Sequence after which the session starts. */
  readonly after: number;
  /** Time of Ready. */
  readonly atMs: number;
}

/** The end of the frame of a message that was missed. */
const REPLAYED = ',"replayed":true}';

/** The deliveries of one session, starting at Ready. */
export class Delivery {
  readonly #deps: DeliveryDeps;
  readonly #channels: Set<string>;
  readonly #expected: Expected[] = [];
  #last: number;
  readonly #beganAt: number;
  /** The last message that the node had certainly sent to others before Ready. */
  readonly #missedUpTo: number;
  #liveBytes = 0;

  /** Expects the messages after `after` that the session may see. */
  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
    this.#channels = new Set(deps.channels);
    this.#last = deps.after;
    this.#beganAt = deps.progress.head;
    this.#missedUpTo = deps.progress.headBefore(deps.atMs);
    for (const entry of deps.history.after(deps.after)) {
      if (entry.sequence <= deps.progress.head) this.notify(entry);
    }
  }

  get user(): string {
    return this.#deps.user;
  }

  get channels(): ReadonlySet<string> {
    return this.#channels;
  }

  /** Sequence of the last message that arrived. */
  get last(): number {
    return this.#last;
  }

  /** Approximate bytes in flight of messages published after Ready. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** First message that must still arrive. */
  get missing(): HistoryEntry | undefined {
    return this.#expected.find(({ must }) => must)?.entry;
  }

  /** The session's node notifies its subscribers of `entry`. */
  notify(entry: HistoryEntry): void {
    // A client may come from a node that was ahead.
    if (entry.sequence <= this.#deps.after) return;
    if (this.#isEntitled(entry)) this.#expect(entry, true);
  }

  /** Entitles the session to `channel` from the next message on. */
  join(channel: string): void {
    this.#channels.add(channel);
  }

  /**
   * Ends the entitlement to `channel` after the last notified message. A replay sends nothing of it
   * any more; a fan-out still delivers what was notified.
   */
  leave(channel: string, { replays }: { readonly replays: boolean }): void {
    this.#channels.delete(channel);
    if (replays) this.#excuse(channel);
  }

  #enter(channel: string, atMs: number): void {
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    // Messages notified in the same millisecond may be fanned out before or after.
    const { history, progress } = this.#deps;
    const first = Math.max(this.#last, progress.headBefore(atMs));
    for (let sequence = progress.head; sequence > first; sequence--) {
      const entry = history.at(sequence);
      if (entry?.draft.channel === channel) this.#expect(entry, false);
    }
    this.#expected.sort((a, b) => a.entry.sequence - b.entry.sequence);
  }

  /** Makes messages in flight in `channel` optional. */
  #excuse(channel: string): void {
    for (const expected of this.#expected) {
      if (expected.entry.draft.channel === channel) expected.must = false;
    }
  }

  /** Applies the channels of a renewed token. */
  replaceChannels(channels: readonly string[], atMs: number): void {
    for (const channel of [...this.#channels]) {
      if (!channels.includes(channel)) this.leave(channel, { replays: true });
    }
    for (const channel of channels) this.#enter(channel, atMs);
  }

  /** Checks a Message that arrived at the client as `text`. */
  arrived(id: string, text: string): void {
    const { connection, report, history, epoch } = this.#deps;
    const sequence = Number(id.slice(epoch.length + 1));
    history.arrivals++;
    if (sequence <= this.#last) {
      const explanation = `${id} arrived after ${epoch}-${this.#last}`;
      report("exactly once, in order", explanation, connection);
    }
    const expected = this.#next(sequence);
    this.#last = sequence;
    if (expected === undefined) {
      const known = history.at(sequence)?.draft;
      const whose = known === undefined
        ? "was never handed to listeners"
        : `is for ${known.channel ?? known.user ?? "everyone"}`;
      return report("only entitled messages", `${id} ${whose}`, connection);
    }
    const { entry } = expected;
    const isReplayed = text.endsWith(REPLAYED);
    this.#checkMark(id, sequence, isReplayed);
    // All clients receive the same text but for the mark, so it is parsed once.
    const plain = isReplayed ? `${text.slice(0, -REPLAYED.length)}}` : text;
    if (entry.frame === plain) return;
    if (id !== `${epoch}-${sequence}`) {
      report("delivered unchanged", `${id} is not an id of this log`, connection);
    }
    if (!isFrameOf(entry, plain)) {
      report("delivered unchanged", `${id} has changed`, connection);
    }
    entry.frame = plain;
  }

  /** A fan-out that yields reaches Ready's millisecond late, so its messages may count as either. */
  #checkMark(id: string, sequence: number, isReplayed: boolean): void {
    const { connection, report } = this.#deps;
    if (isReplayed ? sequence <= this.#beganAt : sequence > this.#missedUpTo) return;
    const explanation = `${id} is ${isReplayed ? "marked" : "not marked"}; Ready came after ` +
      `${isReplayed ? this.#beganAt : this.#missedUpTo}`;
    report("what was missed is marked", explanation, connection);
  }

  /** Advances to the expected message with this sequence, past optional ones. */
  #next(sequence: number): Expected | undefined {
    for (;;) {
      const [expected] = this.#expected;
      if (expected === undefined || expected.entry.sequence > sequence) return undefined;
      this.#expected.shift();
      if (expected.entry.sequence > this.#beganAt) this.#liveBytes -= expected.entry.bytes;
      if (expected.entry.sequence === sequence) return expected;
      if (expected.must) {
        const { connection, report, epoch } = this.#deps;
        const skipped = `${epoch}-${expected.entry.sequence}`;
        const explanation = `${skipped} is missing before ${epoch}-${sequence}`;
        return report("every accepted message arrives", explanation, connection);
      }
    }
  }

  #expect(entry: HistoryEntry, must: boolean): void {
    this.#expected.push({ entry, must });
    if (entry.sequence > this.#beganAt) this.#liveBytes += entry.bytes;
  }

  #isEntitled({ draft }: HistoryEntry): boolean {
    if (draft.channel !== undefined) return this.#channels.has(draft.channel);
    return draft.user === undefined || draft.user === this.#deps.user;
  }
}

/** Reads the id from the text of a Message frame. */
export function messageId(text: string): string {
  const start = '{"op":3,"id":"'.length;
  return text.startsWith('"id":"', 8)
    ? text.slice(start, text.indexOf('"', start))
    : JSON.parse(text).id;
}

function isFrameOf({ draft, time, serial }: HistoryEntry, text: string): boolean {
  const message: Pick<Message, "channel" | "author" | "content" | "time"> = JSON.parse(text);
  const content = contentOf(message);
  return message.channel === draft.channel && message.author === draft.author &&
    message.time === time && content.n === serial && content.pad === contentOf(draft).pad;
}
