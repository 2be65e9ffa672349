/**
 * Checks signals: who gets them, that none comes before the messages that its node had, and that none changes. A
 * signal may be lost, so none has to arrive.
 *
 * @module
 */

import type { Signal } from "../gateway/ports.ts";
import type { Delivery } from "./delivery.ts";
import { contentOf, type Progress } from "./history.ts";
import type { Report } from "./violation.ts";

/** The part of a session that is looked at. */
export interface Listener {
  readonly connection: number;
  readonly wantsSignals: boolean;
  readonly delivery: Pick<Delivery, "user" | "channels" | "missing"> | undefined;
}

/** A signal that the backend sent. */
interface Sent {
  readonly signal: Signal;
  /** The last message that the node had which took it. */
  readonly after: number;
}

/** The copies of a signal have the same text, so it is parsed once. */
interface Parsed {
  readonly text: string;
  readonly sent: Sent;
}

/** The oldest, which do not arrive any more, are forgotten. */
const REMEMBERED = 10_000;

export class SignalCheck {
  /** Signals that arrived at clients. */
  arrivals = 0;
  readonly #report: Report;
  /** By serial. */
  readonly #sent = new Map<number, Sent>();
  #last: Parsed | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The backend sends `signal` to a node that has the messages up to `after`. */
  submitted(signal: Signal, after: number): void {
    this.#sent.set(contentOf(signal).n, { signal, after });
    const [oldest = 0] = this.#sent.keys();
    if (this.#sent.size > REMEMBERED) this.#sent.delete(oldest);
  }

  /** The gateway sends a Signal frame to `session`, whose node is at `progress`. */
  serverSent(
    session: Listener,
    text: string,
    progress: Pick<Progress, "head"> | undefined,
  ): void {
    const { connection, delivery, wantsSignals } = session;
    const { signal: { channel, user }, after } = this.#find(text, connection);
    if (delivery === undefined || !wantsSignals) {
      return this.#report("signals only for those who asked", text, connection);
    }
    const maySee = channel !== undefined
      ? delivery.channels.has(channel)
      : user === undefined || user === delivery.user;
    if (!maySee) {
      const explanation = `${text} is for ${channel ?? user}`;
      return this.#report("signals only for those who may see them", explanation, connection);
    }
    if (after > (progress?.head ?? -1)) {
      const explanation = `${text} follows message ${after}; the node has ${progress?.head}`;
      this.#report("no signal before its messages", explanation, connection);
    }
  }

  /** The frame has arrived at the client of `session`. */
  clientReceived({ connection, delivery }: Listener, text: string): void {
    this.arrivals++;
    const { after } = this.#find(text, connection);
    const missing = delivery?.missing?.sequence ?? Infinity;
    if (missing > after) return;
    const explanation = `${text} follows message ${after}; ${missing} has not arrived`;
    this.#report("no signal before its messages", explanation, connection);
  }

  /** The signal that `text` is the frame of. */
  #find(text: string, connection: number): Sent {
    if (this.#last?.text === text) return this.#last.sent;
    const { op: _op, ...frame } = JSON.parse(text);
    const sent = this.#sent.get(contentOf(frame).n);
    const { user: _user, ...expected } = sent?.signal ?? { user: "" };
    if (sent === undefined || !isSame(frame, expected)) {
      return this.#report("signals unchanged", `${text} was not sent`, connection);
    }
    this.#last = { text, sent };
    return sent;
  }
}

function isSame(frame: object, signal: object): boolean {
  const text = (value: object): string => JSON.stringify(Object.entries(value).sort());
  return text(frame) === text(signal);
}
