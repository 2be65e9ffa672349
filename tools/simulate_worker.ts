/**
 * A worker of `deno task simulate`: runs the worlds that it is sent, one at a time.
 *
 * @module
 */

import { type Outcome, simulate, type WorldOptions } from "../simulation/mod.ts";

/** What a worker answers for a world. */
export interface WorldResult {
  /** What the world was made from. */
  readonly options: WorldOptions;
  /** The rule that was broken, in words, if one was. */
  readonly violation: string | undefined;
  /** Virtual hours that passed. */
  readonly hours: number;
  /** How often what happened. */
  readonly counts: Outcome["counts"];
}

/** A worker's side of the channel; the types of a page, which are the ones there are, lack it. */
interface Port {
  postMessage(result: WorldResult): void;
  onmessage: ((event: MessageEvent<WorldOptions>) => void) | null;
}

const port = self as unknown as Port;

port.onmessage = async ({ data: options }): Promise<void> => {
  const { violation, hours, counts } = await simulate(options);
  port.postMessage({ options, violation: violation?.message, hours, counts });
};
