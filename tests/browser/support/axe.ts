/**
 * Accessibility: what axe finds on a page, in words.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AxeResults, Result } from "axe-core";
import type { Page } from "playwright-core";

/** Fails with every violation of axe's rules that `page` has now. */
export async function assertAccessible(page: Page): Promise<void> {
  // Only now, because axe reads the environment as it is loaded.
  const { default: axe } = await import("axe-core");
  // By the debugger and not as a script of the page, which its policy would refuse.
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate<AxeResults>("axe.run(document)");
  assert.notEqual(passes.length, 0, "axe looked at something");
  assert.equal(violations.map(describe).join("\n"), "", "violations of axe's rules");
}

function describe({ id, impact, help, nodes }: Result): string {
  const places = nodes.map(({ target, html, failureSummary = "" }) =>
    `  ${target.join(" ")}: ${html}\n    ${failureSummary.replace(/\s*\n\s*/g, "\n    ")}`
  );
  return [`${id} (${impact}): ${help}`, ...places].join("\n");
}
