/**
 * Checks presence over several nodes: a node answers for the whole deployment or fails.
 *
 * @module
 */

import { OperationalError } from "../gateway/errors.ts";
import type { Presence } from "../gateway/ports.ts";
import type { Cluster } from "./cluster.ts";
import type { GatewayProcess } from "./process.ts";
import type { WorldDeps } from "./world_deps.ts";

/** Time after which every node has discovered every other, in milliseconds. */
const HEARD_MS = 3000;
/**
 * Time after which no node counts a silent one, in milliseconds; one may have heard it just before.
 */
const SILENT_MS = 5000;

/** Compares the answers of nodes with the open connections. */
export class PresenceCheck {
  readonly #world: WorldDeps;
  readonly #cluster: Cluster;

  constructor(world: WorldDeps, cluster: Cluster) {
    this.#world = world;
    this.#cluster = cluster;
  }

  ask(process: GatewayProcess, user: string): void {
    const { markDirty, broke, report, count } = this.#world;
    const cut = this.#cluster.isCutOff(process.slot);
    const before = this.#expected(user);
    markDirty();
    Promise.resolve(process.users?.presence(user)).then((presence) => {
      if (presence === undefined) return;
      count("presence answered");
      if (cut) report("presence covers all nodes", "a node that is cut off has answered");
      const found = text(presence);
      if (before === undefined || before !== this.#expected(user)) return;
      count("presence checked");
      if (before.startsWith(`${found} `)) return;
      report("presence covers all nodes", `${user}: ${found}, expected ${before}`);
    }, (error: unknown) => {
      if (!(error instanceof OperationalError)) throw error;
      count("presence failed");
      if (cut || before === undefined || before !== this.#expected(user)) return;
      report("presence covers all nodes", `${user}: ${error.code} though all were there`);
    }).catch(broke);
  }

  /**
   * Expected presence of `user`, with the nodes and the change count it depends on; `undefined`
   * while it is uncertain which nodes count.
   */
  #expected(user: string): string | undefined {
    const { processes, checker, clock } = this.#world;
    const channels = new Set<string>();
    const nodes: number[] = [];
    let connections = 0;
    for (const slot of this.#cluster.slots) {
      const sinceMs = clock.steady() - this.#cluster.changedAtMs(slot);
      const process = processes.running.find((each) => each.slot === slot);
      if (process === undefined || this.#cluster.isCutOff(slot)) {
        if (sinceMs < SILENT_MS) return undefined;
        continue;
      }
      if (sinceMs < HEARD_MS) return undefined;
      nodes.push(process.number);
      const here = checker.presenceAt(process.number, user);
      connections += here.connections;
      for (const channel of here.channels) channels.add(channel);
    }
    const presence = { connections, channels: [...channels].sort() };
    return `${text(presence)} at ${nodes.join()}, change ${checker.leftovers.changesOf(user)}`;
  }
}

function text(presence: Presence): string {
  return JSON.stringify([presence.connections, presence.channels]);
}
