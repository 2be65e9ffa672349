/**
 * The users of a gateway that is one process: every open connection of a user is here.
 *
 * @module
 */

import type { Gateway } from "../gateway.ts";
import type { Users } from "../ports.ts";

/** The users of `gateway`. */
export function localUsers(gateway: Gateway): Users {
  return {
    join: (user, channel) => Promise.resolve(gateway.join(user, channel)),
    leave: (user, channel) => Promise.resolve(gateway.leave(user, channel)),
    disconnect: (user) => Promise.resolve(gateway.disconnect(user)),
    presence: (user) => Promise.resolve(gateway.presence(user)),
  };
}
