/**
 * `traceparent` of the W3C's Trace Context. What the runtime exports is in `tests/conformance/traces_test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openTracing, parseTraceparent } from "../../gateway/runtime/tracer.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

Deno.test("parseTraceparent() reads the ids and whether the trace is recorded", () => {
  const parsed = (flags: string) => parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`);
  assert.deepEqual(parsed("01"), { traceId: TRACE, spanId: SPAN, traceFlags: 1 });
  assert.deepEqual(parsed("00"), { traceId: TRACE, spanId: SPAN, traceFlags: 0 });
  assert.equal(parsed("03")?.traceFlags, 3);
  assert.equal(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`)?.traceId, TRACE);
});

Deno.test("parseTraceparent() takes no header that is not valid", () => {
  for (
    const text of [
      null,
      "",
      "x",
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE}-${SPAN}-1`,
      `00-${TRACE}-${SPAN}-0g`,
      `00-${TRACE}-${SPAN}-01-more`,
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.slice(1)}-${SPAN}-01`,
      ` 00-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01\n`,
    ]
  ) assert.equal(parseTraceparent(text), undefined, String(text));
});

Deno.test("openTracing() gives nothing where the runtime's OpenTelemetry is off", () => {
  assert.equal(openTracing("1.2.3"), undefined);
});
