/**
 * Accessibility: the violations that axe finds on a page, as text.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { AxeResults, Result } from "axe-core";
import type { Page } from "playwright-core";

/** Throws with every violation of axe's rules on `page`. */
export async function assertAccessible(page: Page): Promise<void> {
  // Imported here, because axe reads the environment when it is loaded.
  const { default: axe } = await import("axe-core");
  // Through the debugger, because the page's policy would refuse a script.
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
