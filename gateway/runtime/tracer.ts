/**
 * The tracer of the runtime's own OpenTelemetry, which exports spans by OTLP if `OTEL_DENO` is on.
 *
 * @module
 */

import type { Span, Tracer } from "../ports.ts";

/** The runtime registers what it has switched on under this name, for `@opentelemetry/api`. */
const API = Symbol.for("opentelemetry.js.api.1");
/** The key of the span in a context, as in `@opentelemetry/api`. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const SERVER = 1;
const ERROR = 2;
const SAMPLED = 1;
/** W3C Trace Context, 3.2. A later version may append fields. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

// The part of `@opentelemetry/api` that is used: the runtime declares its objects without types.

interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

interface RuntimeSpan {
  spanContext(): SpanContext;
  setAttribute(name: string, value: string | number): unknown;
  setStatus(status: { readonly code: number; readonly message: string }): unknown;
  /** @param time in unix milliseconds */
  end(time: number): void;
}

interface Context {
  setValue(key: symbol, value: unknown): Context;
}

interface RuntimeTracer {
  startSpan(
    name: string,
    options: { readonly kind?: number; readonly startTime: number },
    context: Context,
  ): RuntimeSpan;
}

export interface RuntimeTracing {
  readonly tracer: Tracer;
  /** The runtime exports spans of its own, which have URLs. */
  readonly exportsUrls: boolean;
}

/** The tracing of this process; `undefined` if it is off. */
export function openTracing(version: string): RuntimeTracing | undefined {
  // The tracer of Deno 2.4 ends the process if nothing is registered.
  const registered: unknown = Reflect.get(globalThis, API);
  if (typeof registered !== "object" || registered === null) return undefined;
  const tracer: RuntimeTracer = Deno.telemetry.tracerProvider.getTracer("emagine-gateway", version);
  const root: Context = Deno.telemetry.contextManager.active();
  try {
    // It never ends, so it is not exported.
    tracer.startSpan("probe", { startTime: 0 }, root);
  } catch {
    // Something is registered although traces, metrics and logs are all switched off.
    return undefined;
  }
  return { tracer: createTracer(tracer, root), exportsUrls: "trace" in registered };
}

function createTracer(tracer: RuntimeTracer, root: Context): Tracer {
  const within = (span: Pick<RuntimeSpan, "spanContext">) => root.setValue(SPAN, span);
  const adapt = (span: RuntimeSpan): Span => ({
    child: (name, at) => adapt(tracer.startSpan(name, { startTime: at }, within(span))),
    set: (name, value) => void span.setAttribute(name, value),
    fail: (code) => void span.setStatus({ code: ERROR, message: code }),
    end: (at) => span.end(at),
  });
  return {
    start: (name, { traceparent, at }) => {
      const parent = parseTraceparent(traceparent);
      // The runtime would record it.
      if (parent !== undefined && !isSampled(parent)) return undefined;
      const context = parent === undefined ? root : within({ spanContext: () => parent });
      const span = tracer.startSpan(name, { kind: SERVER, startTime: at }, context);
      return isSampled(span.spanContext()) ? adapt(span) : undefined;
    },
  };
}

/** `undefined` for a header that is missing or not valid: a trace then begins here. */
export function parseTraceparent(text: string | null): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === "00" && more !== undefined) return undefined;
  return { traceId, spanId, traceFlags: parseInt(flags, 16) };
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & SAMPLED) !== 0;
}
