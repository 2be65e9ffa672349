/**
 * The transports by name.
 *
 * @module
 */

import { listenWithDeno } from "./deno_transport.ts";
import { listenWithNode } from "./node_transport.ts";
import type { Transport } from "./transport.ts";

/** See docs/operations.md, "Transports". */
export const TRANSPORTS: Readonly<Record<"deno" | "node", Transport>> = {
  deno: listenWithDeno,
  node: listenWithNode,
};
