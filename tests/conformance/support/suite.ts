/**
 * A suite: checks that share one gateway, which starts before the first and stops after the last.
 *
 * With `CONFORMANCE_NODES=nats` it is three gateways on one nats-server, taken in turn for each connection and
 * request, so that everything crosses nodes. Tests that start their own processes, and suites of another log, are
 * skipped.
 *
 * With `CONFORMANCE_URL` the gateway at that URL is tested instead (`CONFORMANCE_PUBLISH_KEY`, default `dev`), and
 * suites that need their own settings are skipped with the reason.
 *
 * @module
 */

import { NO_NATS } from "../../nats/support/server.ts";
import { needs, testUnless, variable } from "../../permissions.ts";
import { Nodes } from "./nodes.ts";
import { GatewayProcess, type Settings } from "./process.ts";
import { Target } from "./target.ts";

/** The requirements of a suite. */
export interface SuiteOptions {
  /** Settings that the checks depend on. */
  readonly settings?: Settings;
  /** Settings that only make the checks faster. */
  readonly hints?: Settings;
  /** True if the checks read the counters of each process. */
  readonly oneProcess?: boolean;
}

export type Check = (gateway: Target) => Promise<void>;

const OWN_PROCESS = "needs a gateway of its own, not one at CONFORMANCE_URL";

/** The reason why no gateway can be started or reached, if any. */
export const FORBIDDEN: string | undefined = needs("env", "net", "read", "run", "write");

/** The URL of the gateway to test, unless the suite starts it. */
function givenUrl(): string | undefined {
  return variable("CONFORMANCE_URL")?.replace(/\/$/, "");
}

function onNodes(): boolean {
  return variable("CONFORMANCE_NODES") === "nats";
}

/** Defines a suite. Each of `checks` has its name as the key. */
export function suite(
  name: string,
  { settings, hints, oneProcess = false, checks }: SuiteOptions & {
    readonly checks: Readonly<Record<string, Check>>;
  },
): void {
  if (FORBIDDEN !== undefined) return skip(name, FORBIDDEN);
  const url = givenUrl();
  if (url !== undefined && settings !== undefined) return skip(name, OWN_PROCESS);
  if (onNodes() && settings?.["GATEWAY_LOG"] !== undefined) return;
  if (onNodes() && NO_NATS !== undefined) return skip(name, NO_NATS);
  const wanted = { ...hints, ...settings };
  define(name, async (context) => {
    const key = Deno.env.get("CONFORMANCE_PUBLISH_KEY") ?? "dev";
    await using nodes = onNodes() ? await Nodes.start(wanted) : undefined;
    await using process = url === undefined && nodes === undefined
      ? await GatewayProcess.start({ settings: wanted })
      : undefined;
    const gateway = process ?? (oneProcess ? nodes?.first : nodes?.all) ??
      new Target([url ?? ""], key);
    for (const [each, check] of Object.entries(checks)) {
      await context.step({ name: each, ...UNSANITIZED, fn: () => check(gateway) });
    }
  });
}

/** Defines a test that starts its own gateways. */
export function processTest(
  name: string,
  run: (context: Deno.TestContext) => Promise<void>,
): void {
  if (FORBIDDEN !== undefined) return skip(name, FORBIDDEN);
  if (onNodes()) return;
  if (givenUrl() !== undefined) skip(name, OWN_PROCESS);
  else define(name, run);
}

/** Reports a test as skipped: for a missing permission, else for this reason. */
export function skip(name: string, reason: string): void {
  testUnless(FORBIDDEN ?? reason)(name, () => {});
}

/**
 * The sanitizers are off: connections and their reads outlive a check on purpose, and the tests of resources
 * count them in the gateway's process.
 */
const UNSANITIZED = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

function define(name: string, fn: (context: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name, ...UNSANITIZED, fn });
}
