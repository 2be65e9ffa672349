/**
 * Traces of publishes, if the runtime's OpenTelemetry is on.
 *
 * @module
 */

import { VERSION } from "../gateway/config/version.ts";
import { openTracing } from "../gateway/runtime/tracer.ts";
import { PublishTraces, type PublishTracesDeps } from "../gateway/http/traces.ts";
import type { World } from "./world.ts";

/** Call it before anything else subscribes to the log. */
export function openTraces(
  { clock, logger }: World,
  deps: Pick<PublishTracesDeps, "log" | "afterFanOut">,
): PublishTraces | undefined {
  const tracing = openTracing(VERSION);
  if (tracing === undefined) {
    if (Deno.env.get("OTEL_DENO")?.toLowerCase() === "true") {
      logger.warn(
        "OTEL_DENO has no effect: other OTEL_ variables switch it off, or this is a binary that was " +
          "compiled without it",
      );
    }
    return undefined;
  }
  if (tracing.exportsUrls) {
    logger.warn(
      "the runtime's own spans export URLs with names of users; set OTEL_DENO_TRACING=false for " +
        "the gateway's spans alone",
    );
  }
  return new PublishTraces({ ...deps, tracer: tracing.tracer, clock });
}
