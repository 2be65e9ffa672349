/**
 * A worker of `deno task simulate`: runs one world at a time.
 *
 * @module
 */

import { type Outcome, simulate, type WorldOptions } from "../simulation/mod.ts";

/** The result of a world. */
export interface WorldResult {
  readonly options: WorldOptions;
  /** The rule that was broken, if any. */
  readonly violation: string | undefined;
  readonly hours: number;
  /** Counts of events. */
  readonly counts: Outcome["counts"];
}

/** The worker's global scope; the configured types are those of a page. */
interface Port {
  postMessage(result: WorldResult): void;
  onmessage: ((event: MessageEvent<WorldOptions>) => void) | null;
}

const port = self as unknown as Port;

port.onmessage = async ({ data: options }): Promise<void> => {
  const { violation, hours, counts } = await simulate(options);
  port.postMessage({ options, violation: violation?.message, hours, counts });
};
