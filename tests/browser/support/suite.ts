/**
 * Tests of the console in a browser: each has a gateway of its own, as `deno task start` runs it, and a
 * visitor. Where there is no Chromium they are skipped with the reason, but in CI they fail.
 *
 * @module
 */

import { buildConsole } from "../../../tools/build_console.ts";
import { GatewayProcess, type Settings } from "../../conformance/support/process.ts";
import { skip } from "../../conformance/support/suite.ts";
import { browser, NO_CHROMIUM } from "./chromium.ts";
import { Visitor } from "./visitor.ts";

/** What a test is given. */
export interface Visit {
  /** The gateway, and the backend of an app that uses it. */
  readonly gateway: GatewayProcess;
  /** Who opens its pages. */
  readonly visitor: Visitor;
}

/** Defines a test. Once `run` is done, no page may have done what it must not. */
export function browserTest(
  name: string,
  run: (visit: Visit) => Promise<void>,
  { settings = {} }: { readonly settings?: Settings } = {},
): void {
  if (NO_CHROMIUM !== undefined && Deno.env.get("CI") !== "true") return skip(name, NO_CHROMIUM);
  Deno.test({
    name,
    // The browser outlives the test.
    ...{ sanitizeOps: false, sanitizeResources: false, sanitizeExit: false },
    fn: async () => {
      await buildConsole();
      await using gateway = await GatewayProcess.start({ settings });
      await using visitor = new Visitor(await browser(), gateway.url);
      try {
        await run({ gateway, visitor });
      } catch (error) {
        await visitor.shootAll(`failed ${name.replace(/[^\w ]/g, "")}`);
        throw error;
      }
      visitor.check();
    },
  });
}
