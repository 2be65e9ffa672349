/**
 * The checker of what must not be left behind: tables of the gateway hold exactly those who are there,
 * what is closed holds nothing, and timers are those of open connections.
 *
 * @module
 */

import type { Gateway } from "../../gateway/gateway.ts";
import type { Session } from "./session.ts";
import type { Report } from "./violation.ts";

/** Compares the gateway's tables with the connections that there are. */
export function checkTables(
  gateway: Gateway,
  sessions: readonly Session[],
  report: Report,
): void {
  const ready = sessions.filter((session) => session.ready);
  const open = sessions.filter(({ stage }) => stage !== "admitted");
  const users = new Map<string, { connections: number; readonly channels: Set<string> }>();
  const channels = new Set<string>();
  for (const { delivery } of ready) {
    if (delivery === undefined) continue;
    const user = users.get(delivery.user) ?? { connections: 0, channels: new Set<string>() };
    user.connections++;
    for (const channel of delivery.channels) {
      user.channels.add(channel);
      channels.add(channel);
    }
    users.set(delivery.user, user);
  }
  const counted = sessions.filter(({ refused }) => !refused);
  const expected: Readonly<Record<string, number>> = {
    members: ready.length,
    users: users.size,
    channels: channels.size,
    connections: open.length,
    admitted: sessions.length,
    addresses: new Set(counted.map(({ address }) => address)).size,
  };
  const tables = gateway.tables;
  for (const [name, size] of Object.entries(tables)) {
    if (expected[name] !== undefined && size !== expected[name]) {
      const explanation = `${size} entries in ${name}, ${expected[name]} are there`;
      report("tables hold who is there", explanation);
    }
  }
  for (const [user, { connections, channels }] of users) {
    const presence = gateway.presence(user);
    const found = [...presence.channels].sort().join();
    if (presence.connections !== connections || found !== [...channels].sort().join()) {
      const explanation = `${user} has ${presence.connections} connections and channels ${found}`;
      report("presence tells who is there", explanation);
    }
  }
  for (const { stage, served, connection } of sessions) {
    if (stage === "closing" && served !== undefined && served.unsentBytes > 0) {
      const explanation = `${served.unsentBytes} bytes wait for a connection that was closed`;
      report("no buffer outlives its connection", explanation, connection);
    }
  }
}

/** Compares how many timers the gateway has set with the connections that there are. */
export class TimerCheck {
  readonly #report: Report;
  #suspectedSinceMs: number | undefined;

  /** Nothing is suspected. */
  constructor(report: Report) {
    this.#report = report;
  }

  /**
   * Each connection has one timer; a busy one may have more for a moment, so that only an excess counts
   * that stays, while nothing is backed up.
   */
  look(
    { pending, sessions, busy, atMs }: {
      readonly pending: number;
      readonly sessions: readonly Session[];
      readonly busy: boolean;
      readonly atMs: number;
    },
  ): void {
    const open = sessions.filter(({ stage }) => stage === "open" || stage === "closing").length;
    if (busy || pending === open) {
      this.#suspectedSinceMs = undefined;
      return;
    }
    this.#suspectedSinceMs ??= atMs;
    if (atMs - this.#suspectedSinceMs < 5000) return;
    const explanation = `${pending} timers are set for ${open} connections`;
    this.#report("no timer outlives its connection", explanation);
  }
}
