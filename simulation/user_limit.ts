/**
 * Checks the limit on the connections of one user: the newest stay, older ones are closed with 4011, on a node
 * at the Ready of a newer one and on other nodes soon after.
 *
 * @module
 */

import type { AdmissionOptions } from "../gateway/admission.ts";
import type { FakeClock } from "../mock/doubles/clock.ts";
import type { Cluster } from "./cluster.ts";
import type { Session } from "./session.ts";
import type { Report } from "./violation.ts";

/** Time in which nodes tell each other of a Ready, in milliseconds. */
const HEARD_MS = 200;
/** Time after which every node can reach every other, in milliseconds. */
const QUIET_MS = 3000;

export interface UserLimitDeps {
  readonly clock: FakeClock;
  readonly limits: AdmissionOptions;
  /** Undefined in a world of one node. */
  readonly cluster: Pick<Cluster, "slots" | "isCutOff" | "changedAtMs"> | undefined;
  readonly report: Report;
}

interface Entry {
  readonly session: Session;
  readonly readyAtMs: number;
}

export class UserLimitCheck {
  readonly #deps: UserLimitDeps;
  /** By user, in the order of their first Ready. */
  readonly #entries = new Map<string, readonly Entry[]>();

  constructor(deps: UserLimitDeps) {
    this.#deps = deps;
  }

  /** `session` is ready for the first time, as `user`. */
  ready(session: Session, user: string): void {
    const { clock, limits: { maxConnectionsPerUser: max } } = this.#deps;
    if (max === 0) return;
    const readyAtMs = clock.steady();
    const entries = [...this.#recent(user), { session, readyAtMs }];
    this.#entries.set(user, entries);
    const here = entries.filter((entry) =>
      entry.session.ready && entry.session.node === session.node
    );
    for (const entry of here.slice(0, -max)) {
      entry.session.must(4011, "the user has newer connections", readyAtMs);
    }
    if (!this.#isQuiet()) return;
    clock.setTimer(HEARD_MS, () => {
      if (this.#isQuiet()) this.#expectWithin(user, readyAtMs);
    });
  }

  /** True if the user of `session` has had as many newer connections as one may have. */
  isReplaced(session: Session): boolean {
    const { clock, limits: { maxConnectionsPerUser: max } } = this.#deps;
    const entries = this.#recent(session.delivery?.user ?? "");
    const own = entries.find((entry) => entry.session === session);
    if (max === 0 || own === undefined) return false;
    const newer = entries.filter((entry) => entry.readyAtMs > own.readyAtMs);
    return newer.filter(({ session: { endedAtMs = Infinity } }) =>
      endedAtMs >= clock.steady() - HEARD_MS
    ).length >= max;
  }

  /** Reports connections that a Ready at `atMs` should have replaced. */
  #expectWithin(user: string, atMs: number): void {
    const { report, limits: { maxConnectionsPerUser: max } } = this.#deps;
    const open = this.#recent(user)
      .filter(({ session, readyAtMs }) => session.ready && readyAtMs <= atMs)
      .sort((a, b) => b.readyAtMs - a.readyAtMs);
    const oldest = open[max - 1]?.readyAtMs ?? -Infinity;
    for (const { session, readyAtMs } of open) {
      if (readyAtMs >= oldest) continue;
      const explanation = `${user} has ${open.length} connections, ${max} are allowed`;
      report("a user's newest connections stay", explanation, session.connection);
    }
  }

  /** Entries of `user` that have not ended, or just now. */
  #recent(user: string): readonly Entry[] {
    const sinceMs = this.#deps.clock.steady() - HEARD_MS;
    return (this.#entries.get(user) ?? [])
      .filter(({ session: { endedAtMs = Infinity } }) => endedAtMs >= sinceMs);
  }

  #isQuiet(): boolean {
    const { cluster, clock } = this.#deps;
    return cluster !== undefined && cluster.slots.every((slot) => {
      return !cluster.isCutOff(slot) && clock.steady() - cluster.changedAtMs(slot) > QUIET_MS;
    });
  }
}
