/**
 * Classes of WebSockets for the client library that connect to another URL than its own: to the next gateway in
 * turn, or to the one that is alive. They also show what they receive to an audit.
 *
 * @module
 */

import type { ClientSocketConstructor } from "../../../client/mod.ts";
import type { Audit } from "./audit.ts";

/** The destinations of one client's connections, and their audit. */
export interface Way {
  /** The URL of the next connection. */
  readonly url: () => string;
  /** Audits what the client receives. */
  readonly audit: Audit;
}

/** Creates a subclass of the runtime's WebSocket. */
export function webSocketTo({ url, audit }: Way): ClientSocketConstructor {
  return class extends WebSocket {
    constructor() {
      super(url());
      const look = audit.connection();
      // Frames on a connection that the client has dropped do not count.
      this.addEventListener("message", ({ data }) => this.onmessage === null || look(data));
    }
  };
}
