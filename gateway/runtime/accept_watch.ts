/**
 * Notices a listener of node:net that no longer accepts.
 *
 * When the process is out of descriptors, Deno 2.9's accept loop ends without an error, and the server goes on
 * to say that it listens. So where nobody has connected for a while, this connects to it.
 *
 * @module
 */

import net from "node:net";
import type { AddressInfo, Server } from "node:net";
import type { Clock, Timer } from "../ports.ts";

/** Without a connection for so long, in milliseconds, one is made. */
const QUIET_MS = 2000;
/** How long it may wait to be accepted. */
const ACCEPT_MS = 1000;
/** A stopped event loop can fail one. */
const FAILURES = 2;

/** Calls `deaf` when `server` accepts no more. Returns what ends the watch. */
export function watchAccepting(server: Server, clock: Clock, deaf: () => void): () => void {
  let timer: Timer;
  let accepted = 0;
  let failures = 0;
  server.on("connection", () => accepted += 1);
  const look = (): void => {
    const before = accepted;
    timer = clock.setTimer(QUIET_MS, () => {
      if (accepted > before || !server.listening) {
        failures = 0;
        return look();
      }
      const probe = net.connect(target(server.address() as AddressInfo));
      let tried = true;
      // Without a descriptor for it there is nothing to learn.
      probe.on("error", () => tried = false);
      timer = clock.setTimer(ACCEPT_MS, () => {
        probe.destroy();
        failures = accepted > before || !tried ? 0 : failures + 1;
        if (failures >= FAILURES) {
          failures = 0;
          deaf();
        }
        look();
      });
    });
  };
  look();
  return () => timer.cancel();
}

function target({ address, port }: AddressInfo): { readonly host: string; readonly port: number } {
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return { host, port };
}
