/**
 * Follows publishes from the request to the end of their fan-out, as spans: `publish`, and in it `store` and
 * `fan-out`. Without a tracer nothing here runs. No span has a key, a name or a content.
 *
 * @module
 */

import { OperationalError } from "../errors.ts";
import type { Clock, Message, MessageLog, Published, Span, Tracer } from "../ports.ts";

/** Batches of messages whose arrival is remembered. */
const BATCHES = 256;

export interface PublishTracesDeps {
  readonly tracer: Tracer;
  readonly clock: Clock;
  /** Subscribe here before the fan-out does. */
  readonly log: Pick<MessageLog, "subscribe">;
  /** Calls `action` after the fan-out of everything that was published before. */
  readonly afterFanOut: (action: () => void) => void;
}

/** The part of a log that publishes. */
export type PublishLog = Pick<MessageLog, "publish" | "publishOnce">;

export class PublishTraces {
  readonly #deps: PublishTracesDeps;
  /** The last sequences of recent batches, and when fan-out got them; oldest first. */
  readonly #batches: { readonly upTo: number; readonly at: number }[] = [];

  constructor(deps: PublishTracesDeps) {
    this.#deps = deps;
    deps.log.subscribe((messages) => {
      const last = messages.at(-1);
      if (last === undefined) return;
      this.#batches.push({ upTo: last.sequence, at: deps.clock.steady() });
      if (this.#batches.length > BATCHES) this.#batches.shift();
    });
  }

  /**
   * Has `answer` publish to a log that is followed.
   *
   * @param traceparent the header of that name (W3C Trace Context), whose span becomes the parent
   */
  async follow(
    { traceparent, log }: { readonly traceparent: string | null; readonly log: PublishLog },
    answer: (log: PublishLog) => Promise<Response>,
  ): Promise<Response> {
    const { tracer, clock } = this.#deps;
    const offsetMs = clock.now() - clock.steady();
    const span = tracer.start("publish", { traceparent, at: clock.steady() + offsetMs });
    if (span === undefined) return await answer(log);
    const publish = new TracedPublish(span, { clock, offsetMs });
    try {
      const response = await answer({
        publish: (drafts) => this.#store(publish, () => log.publish(drafts), (found) => found),
        publishOnce: (key, drafts) =>
          this.#store(
            publish,
            () => log.publishOnce(key, drafts),
            ({ messages, repeated }) => repeated ? [] : messages,
          ),
      });
      span.set("http.response.status_code", response.status);
      return response;
    } catch (error) {
      span.fail(codeOf(error));
      throw error;
    } finally {
      publish.partEnded();
    }
  }

  /** @param stored picks the messages that fan-out gets */
  async #store<T extends readonly Message[] | Published>(
    publish: TracedPublish,
    append: () => Promise<T>,
    stored: (result: T) => Published["messages"],
  ): Promise<T> {
    const store = publish.span.child("store", publish.now);
    let result: T;
    try {
      result = await append();
    } catch (error) {
      store.fail(codeOf(error));
      store.end(publish.now);
      throw error;
    }
    const messages = stored(result);
    publish.span.set("messaging.batch.message_count", messages.length);
    const last = messages.at(-1);
    if (last === undefined) {
      store.end(publish.now);
      return result;
    }
    const arrivedAt = publish.timeOf(this.#arrivalOf(sequenceOf(last.id)));
    store.end(arrivedAt);
    const fanOut = publish.span.child("fan-out", arrivedAt);
    publish.partBegun();
    this.#deps.afterFanOut(() => {
      fanOut.end(publish.now);
      publish.partEnded();
    });
    return result;
  }

  /** The steady time at which fan-out got the message; now if that is too long ago to be known. */
  #arrivalOf(sequence: number): number {
    return this.#batches.find(({ upTo }) => upTo >= sequence)?.at ?? this.#deps.clock.steady();
  }
}

/** The span of a publish, which ends with the last of its parts: the answer, and the fan-out. */
class TracedPublish {
  readonly span: Span;
  readonly #clock: Clock;
  /** From steady to wall time when it began: setting the wall clock must not end a span before its start. */
  readonly #offsetMs: number;
  #parts = 1;

  constructor(
    span: Span,
    { clock, offsetMs }: { readonly clock: Clock; readonly offsetMs: number },
  ) {
    this.span = span;
    this.#clock = clock;
    this.#offsetMs = offsetMs;
  }

  get now(): number {
    return this.timeOf(this.#clock.steady());
  }

  timeOf(steadyMs: number): number {
    return steadyMs + this.#offsetMs;
  }

  partBegun(): void {
    this.#parts += 1;
  }

  partEnded(): void {
    this.#parts -= 1;
    if (this.#parts === 0) this.span.end(this.now);
  }
}

/** The sequence in an id, `<epoch>-<sequence>`. */
function sequenceOf(id: string): number {
  return Number(id.slice(id.lastIndexOf("-") + 1));
}

function codeOf(error: unknown): string {
  return error instanceof OperationalError ? error.code : "internal_error";
}
