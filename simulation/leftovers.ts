/**
 * Checks for leaks: the gateway's tables hold exactly the open connections, closed ones buffer
 * nothing, and no timer remains.
 *
 * @module
 */

import type { Gateway } from "../gateway/gateway.ts";
import type { Presence } from "../gateway/ports.ts";
import type { Session } from "./session.ts";
import type { Report } from "./violation.ts";

/** A gateway with its expected sessions. */
export interface GatewaySessions {
  readonly gateway: Gateway;
  readonly sessions: readonly Session[];
}

/** Compares tables and presence with the open sessions after a change. */
export class LeftoverCheck {
  readonly #report: Report;
  #changed = false;
  #commandedAtMs = -1;
  readonly #touched = new Set<string>();
  #changes = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Records a change, of the presence of `user` if given. */
  changed(user?: string): void {
    this.#changed = true;
    if (user === undefined) return;
    this.#touched.add(user);
    this.#changes += 1;
  }

  /** Records a command about `user`. */
  commanded(user: string, atMs: number): void {
    this.#commandedAtMs = atMs;
    this.changed(user);
  }

  /** Number of changes of anyone's presence so far. */
  get changes(): number {
    return this.#changes;
  }

  /** True if the last command was executed at this time. */
  commandedAt(atMs: number): boolean {
    return this.#commandedAtMs === atMs;
  }

  /**
   * True if a check is due. Waits a millisecond after a command, which the fan-out may execute a
   * few turns later.
   */
  isDue(atMs: number): boolean {
    return this.#changed && !this.commandedAt(atMs);
  }

  /** Compares running gateways with their sessions. */
  look(gateways: readonly GatewaySessions[]): void {
    this.#changed = false;
    const report = this.#report;
    for (const { gateway, sessions } of gateways) {
      checkTables(gateway, sessions, report);
      for (const user of this.#touched) checkPresence(gateway, user, { sessions, report });
    }
    this.#touched.clear();
  }
}

function checkTables(
  gateway: Gateway,
  sessions: readonly Session[],
  report: Report,
): void {
  const users = new Set<string>();
  const channels = new Set<string>();
  const addresses = new Set<string>();
  let members = 0;
  let listeners = 0;
  let connections = 0;
  for (const { ready, stage, refused, delivery, address, isListener } of sessions) {
    if (stage !== "admitted") connections++;
    if (!refused) addresses.add(address);
    if (!ready || delivery === undefined) continue;
    members++;
    if (isListener) listeners++;
    users.add(delivery.user);
    for (const channel of delivery.channels) channels.add(channel);
  }
  const expected: Readonly<Record<string, number>> = {
    members,
    listeners,
    users: users.size,
    channels: channels.size,
    connections,
    admitted: sessions.length,
    addresses: addresses.size,
  };
  const { tables } = gateway;
  for (const name in expected) {
    if (tables[name] !== expected[name]) {
      const explanation = `${tables[name]} entries in ${name}, ${expected[name]} are there`;
      report("tables match the connections", explanation);
    }
  }
  for (const { stage, served, connection } of sessions) {
    if (stage === "closing" && served !== undefined && served.unsentBytes > 0) {
      const explanation = `${served.unsentBytes} bytes wait for a connection that was closed`;
      report("no buffer outlives its connection", explanation, connection);
    }
  }
}

/** Derives the presence of `user` from `sessions`. */
export function presenceOf(sessions: readonly Session[], user: string): Presence {
  const channels = new Set<string>();
  let connections = 0;
  for (const { ready, delivery } of sessions) {
    if (!ready || delivery?.user !== user) continue;
    connections++;
    for (const channel of delivery.channels) channels.add(channel);
  }
  return { connections, channels: [...channels].sort() };
}

function checkPresence(
  gateway: Gateway,
  user: string,
  { sessions, report }: { readonly sessions: readonly Session[]; readonly report: Report },
): void {
  const expected = presenceOf(sessions, user);
  const [found] = gateway.presence([user]);
  if (JSON.stringify(found) === JSON.stringify(expected)) return;
  report("presence matches the connections", `${user} has ${JSON.stringify(found)}`);
}

/** Compares the number of the gateway's timers with the open connections. */
export class TimerCheck {
  readonly #report: Report;
  #suspectedSinceMs: number | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  /**
   * Expects one timer per connection. A busy one may briefly have more, so only an excess that
   * lasts 5 s while nothing is backed up is reported.
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
