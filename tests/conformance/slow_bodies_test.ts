/**
 * Incomplete bodies that stall: their total is limited, and is released.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayProcess } from "./support/process.ts";
import { SlowBodies } from "./support/slow_bodies.ts";
import { processTest } from "./support/suite.ts";
import { eventually } from "./support/wait.ts";

/** The limit of incomplete bodies (body_budget.ts). */
const MAX_BODIES = 1024;
const BEYOND = 50;

for (const declared of [true, false]) {
  const kind = declared ? "of a declared length" : "in chunks";

  processTest(
    `bodies ${kind} that hold too much together are 503, until they are gone`,
    async () => {
      const settings = { GATEWAY_MAX_CONNECTIONS_PER_IP: "10000" };
      await using gateway = await GatewayProcess.start({ settings });
      const { url, backend } = gateway;
      const publish = { body: { author: "1", content: "hello" } };
      {
        const count = MAX_BODIES + BEYOND;
        using crowd = await SlowBodies.open({
          url,
          publishKey: "dev",
          count,
          bytes: 1024,
          declared,
        });
        await eventually("so many refusals", () => {
          return Promise.resolve(crowd.statuses["503"] === BEYOND || undefined);
        });
        const refused = await backend.request("POST", "/messages", publish);
        assert.equal(refused.status, 503);
        const metrics = await (await fetch(`${url}/metrics`)).text();
        assert.match(metrics, new RegExp(`^gateway_bodies_refused_total ${BEYOND + 1}$`, "m"));
        assert.deepEqual(crowd.statuses, { 503: BEYOND });
      }
      await eventually("a publish", async () => {
        const { status } = await backend.request("POST", "/messages", publish);
        return status === 201 || undefined;
      });
    },
  );
}
