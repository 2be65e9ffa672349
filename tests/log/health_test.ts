/**
 * `LogHealth`: timeouts, and many checks that share one probe.
 *
 * @module
 */

import assert from "node:assert/strict";
import { LogHealth } from "../../gateway/log/health.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";

const SILENT = { code: "log_unavailable", message: "the log does not answer" };

/** The health of a log whose probes the test answers. */
function start() {
  const clock = new FakeClock();
  const logger = new FakeLogger();
  const probes: PromiseWithResolvers<void>[] = [];
  const health = new LogHealth({ clock, logger, timeoutMs: 1000 }, () => {
    const probe = Promise.withResolvers<void>();
    probes.push(probe);
    return probe.promise;
  });
  return { clock, logger, probes, health };
}

Deno.test("LogHealth.check() fails when its time is over, and not before", async () => {
  const { clock, health } = start();
  let failed = false;
  const checking = assert.rejects(health.check(), SILENT).then(() => failed = true);
  await clock.advance(999);
  assert.equal(failed, false);
  await clock.advance(1);
  await checking;
});

Deno.test("LogHealth.check() has one probe at a time, however long it takes", async () => {
  const { clock, probes, health, logger } = start();
  for (let check = 0; check < 3; check++) {
    const checking = assert.rejects(health.check(), SILENT);
    await clock.advance(1000);
    await checking;
  }
  assert.equal(probes.length, 1);
  const checking = health.check();
  probes[0]!.resolve();
  await checking;
  assert.deepEqual(logger.messages("error"), ["the log cannot be used"]);
  assert.deepEqual(logger.messages("info"), ["the log can be used again"]);
});

Deno.test("LogHealth.check() probes again after a probe that failed late", async () => {
  const { clock, probes, health } = start();
  const checking = assert.rejects(health.check(), SILENT);
  await clock.advance(1000);
  await checking;
  probes[0]!.reject(new Error("nobody waits for this any more"));
  await clock.advance(0);
  const again = health.check();
  assert.equal(probes.length, 2);
  probes[1]!.resolve();
  await again;
});
