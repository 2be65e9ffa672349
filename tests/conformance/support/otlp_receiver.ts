/**
 * Receives OTLP over HTTP in JSON, as a collector of traces does.
 *
 * @module
 */

import type { Settings } from "./process.ts";
import { eventually } from "./wait.ts";

/** A span as OTLP's JSON has it, attributes by name. */
export interface ExportedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentSpanId: string;
  readonly kind: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly status: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export class OtlpReceiver implements AsyncDisposable {
  /** All bodies, of traces, metrics and logs. */
  readonly bodies: string[] = [];
  readonly spans: ExportedSpan[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, async (request) => {
      const text = await request.text();
      this.bodies.push(text);
      if (new URL(request.url).pathname === "/v1/traces") this.#read(text);
      return Response.json({});
    });
  }

  /** Variables of a gateway that exports to this receiver at once. */
  get settings(): Settings {
    return {
      OTEL_DENO: "true",
      OTEL_DENO_TRACING: "false",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
  }

  /** The spans with this name once there are `count`. */
  async named(name: string, count: number): Promise<readonly ExportedSpan[]> {
    return await eventually(`${count} spans ${name}`, () => {
      const found = this.spans.filter((span) => span.name === name);
      return Promise.resolve(found.length >= count ? found : undefined);
    });
  }

  /** The spans directly below `span`. */
  partsOf({ spanId }: ExportedSpan): readonly ExportedSpan[] {
    return this.spans.filter(({ parentSpanId }) => parentSpanId === spanId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #read(text: string): void {
    for (const { scopeSpans } of JSON.parse(text).resourceSpans) {
      for (const { spans } of scopeSpans) {
        for (const span of spans) {
          const attributes = (span.attributes ?? []).map((
            { key, value }: { key: string; value: object },
          ) => [key, Object.values(value)[0]]);
          this.spans.push({
            ...span,
            start: BigInt(span.startTimeUnixNano),
            end: BigInt(span.endTimeUnixNano),
            status: span.status?.code ?? 0,
            attributes: Object.fromEntries(attributes),
          });
        }
      }
    }
  }
}
