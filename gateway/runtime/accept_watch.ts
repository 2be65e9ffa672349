/**
 * Detects a node:net listener that no longer accepts connections.
 *
 * When the process runs out of descriptors, Deno 2.9's accept loop ends without an error, and the server still
 * reports that it listens. After a time without connections, this connects to it.
 *
 * @module
 */

import net from "node:net";
import type { AddressInfo, Server } from "node:net";
import type { Clock } from "../ports.ts";

/** Time without a connection after which a probe connects, in milliseconds. */
const QUIET_MS = 2000;
/** Time for the probe to be accepted, in milliseconds. */
const ACCEPT_MS = 1000;
/** Consecutive failed probes; a blocked event loop can fail one. */
const FAILURES = 2;

/** Calls `deaf` when `server` no longer accepts; returns a function that stops watching. */
export function watchAccepting(server: Server, clock: Clock, deaf: () => void): () => void {
  let stop = (): void => {};
  let accepted = 0;
  let failures = 0;
  server.on("connection", () => accepted += 1);
  const look = (): void => {
    const before = accepted;
    const timer = clock.setTimer(QUIET_MS, () => {
      if (accepted === before && server.listening) return probe();
      failures = 0;
      look();
    });
    stop = () => timer.cancel();
  };
  const probe = (): void => {
    const socket = net.connect(target(server.address() as AddressInfo));
    let tried = true;
    // Without a descriptor for the probe the result means nothing.
    socket.on("error", () => tried = false);
    const finish = (failed: boolean): void => {
      stop();
      failures = failed ? failures + 1 : 0;
      if (failures >= FAILURES) {
        failures = 0;
        deaf();
      }
      look();
    };
    const hear = (): void => finish(false);
    server.once("connection", hear);
    const timer = clock.setTimer(ACCEPT_MS, () => finish(tried));
    stop = () => {
      timer.cancel();
      server.off("connection", hear);
      socket.destroy();
    };
  };
  look();
  return () => stop();
}

function target({ address, port }: AddressInfo): { readonly host: string; readonly port: number } {
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return { host, port };
}
