/**
 * Classes of WebSockets for the client library that connect somewhere else than its one URL says: to the
 * gateway whose turn it is, or to the one that lives now.
 *
 * @module
 */

import type { ClientSocketConstructor } from "../../../client/mod.ts";

/** A class of the runtime's own WebSockets, each of which connects to what `url` gives at the time. */
export function webSocketTo(url: () => string): ClientSocketConstructor {
  return class extends WebSocket {
    constructor() {
      super(url());
    }
  };
}
