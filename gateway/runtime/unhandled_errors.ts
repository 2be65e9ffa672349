/**
 * Errors outside any connection: logged and counted as bugs, and the process goes on.
 *
 * @module
 */

import type { Logger } from "../ports.ts";
import { toError } from "../util.ts";

/** @param bug counts one */
export function handleUnhandledErrors(
  { logger, bug }: { readonly logger: Logger; readonly bug: () => void },
): void {
  const contain = (event: Event, reason: unknown): void => {
    event.preventDefault();
    bug();
    logger.error("unhandled error", { error: toError(reason) });
  };
  globalThis.addEventListener("unhandledrejection", (event) => contain(event, event.reason));
  globalThis.addEventListener("error", (event) => contain(event, event.error));
}
