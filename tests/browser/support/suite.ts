/**
 * Tests of the console in a browser. Each has its own visitor; the tests of a file share gateways with the same
 * settings, which run as `deno task start` does. Without Chromium they are skipped with the reason, but in CI they
 * fail.
 *
 * @module
 */

import { buildConsole } from "../../../tools/build_console.ts";
import { GatewayProcess, type Settings } from "../../conformance/support/process.ts";
import { skip } from "../../conformance/support/suite.ts";
import { testUnless } from "../../permissions.ts";
import { browser, FORBIDDEN, NO_CHROMIUM } from "./chromium.ts";
import { Visitor } from "./visitor.ts";

export interface Visit {
  /** The gateway, with the routes of an app's backend. */
  readonly gateway: GatewayProcess;
  readonly visitor: Visitor;
  /** Steps on one page. After one that fails, the rest are skipped. */
  readonly step: (name: string, run: () => Promise<void>) => Promise<void>;
}

/** The browser and the gateway outlive a test. */
const UNSANITIZED = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

export interface TestOptions {
  readonly settings?: Settings;
  /** True if the test needs its own gateway, because it reads counters or ends it. */
  readonly own?: boolean;
}

/** The gateways of this file by their settings. */
const shared = new Map<string, Promise<GatewayProcess>>();
let built: Promise<unknown> | undefined;

Deno.test.afterAll(async () => {
  for (const gateway of shared.values()) await (await gateway)[Symbol.asyncDispose]();
});

/** The gateway with these settings, started when a test first needs it. */
function sharedGateway(settings: Settings): Promise<GatewayProcess> {
  const key = JSON.stringify(settings);
  const gateway = shared.get(key) ?? GatewayProcess.start({ settings });
  shared.set(key, gateway);
  return gateway;
}

/** Defines a test. After `run`, it fails if a page misbehaved. */
export function browserTest(
  name: string,
  run: (visit: Visit) => Promise<void>,
  { settings = {}, own = false }: TestOptions = {},
): void {
  if (FORBIDDEN !== undefined) return testUnless(FORBIDDEN)(name, () => {});
  if (NO_CHROMIUM !== undefined && Deno.env.get("CI") !== "true") return skip(name, NO_CHROMIUM);
  Deno.test({
    name,
    ...UNSANITIZED,
    fn: async (context) => {
      await (built ??= buildConsole());
      await using mine = own ? await GatewayProcess.start({ settings }) : undefined;
      const gateway = mine ?? await sharedGateway(settings);
      await using visitor = new Visitor(await browser(), gateway.url);
      try {
        await run({ gateway, visitor, step: (title, fn) => stepOf(context, title, fn) });
      } catch (error) {
        await visitor.shootAll(`failed ${name.replace(/[^\w ]/g, "")}`);
        throw error;
      }
      visitor.check();
    },
  });
}

async function stepOf(
  context: Deno.TestContext,
  name: string,
  fn: () => Promise<void>,
): Promise<void> {
  let failure: unknown;
  const isPassed = await context.step({
    name,
    ...UNSANITIZED,
    fn: () =>
      fn().catch((error: unknown) => {
        failure = error;
        throw error;
      }),
  });
  if (!isPassed) throw failure;
}
