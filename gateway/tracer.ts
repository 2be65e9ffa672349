/**
 * The interface through which the gateway records traces. `runtime/` implements it with the runtime's
 * OpenTelemetry. No code.
 *
 * @module
 */

/** Records traces. */
export interface Tracer {
  /**
   * Starts the span of a request, below the span that the header `traceparent` names (W3C Trace Context).
   * Returns `undefined` if the trace is not recorded.
   */
  start(name: string, options: RequestSpanOptions): Span | undefined;
}

export interface RequestSpanOptions {
  readonly traceparent: string | null;
  /** Its start, in unix milliseconds with fractions, as all times of spans. */
  readonly at: number;
}

/** A part of a trace. It is exported once it has ended. */
export interface Span {
  /** Starts a span below this one. */
  child(name: string, at: number): Span;
  set(attribute: string, value: string | number): void;
  /** Marks the span as failed. */
  fail(code: string): void;
  end(at: number): void;
}
