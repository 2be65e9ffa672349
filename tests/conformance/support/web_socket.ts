/**
 * Classes of WebSockets for the client library that connect somewhere else than its one URL says: to the
 * gateway whose turn it is, or to the one that lives now. What they receive is looked at on the way.
 *
 * @module
 */

import type { ClientSocketConstructor } from "../../../client/mod.ts";
import type { Audit } from "./audit.ts";

/** Where the connections of one client go, and who looks at them. */
export interface Way {
  /** Where the next connection goes. */
  readonly url: () => string;
  /** Looks at what the client receives. */
  readonly audit: Audit;
}

/** A class of the runtime's own WebSockets. */
export function webSocketTo({ url, audit }: Way): ClientSocketConstructor {
  return class extends WebSocket {
    constructor() {
      super(url());
      const look = audit.connection();
      // What comes on a connection that the client has let go of is nobody's.
      this.addEventListener("message", ({ data }) => this.onmessage === null || look(data));
    }
  };
}
