/**
 * Revocations of tokens for many nodes.
 *
 * Nodes learn a revocation from the command in the log of messages, in its place among them. That log forgets, so
 * each is also in a stream of its own, before the command is: a node reads it when it starts and when it was
 * disconnected, before it follows the log further.
 *
 * @module
 */

import type { Clock, Revocation } from "../../ports.ts";
import { DEFAULT_REVOCATION_MS } from "../limits.ts";
import { RevocationTable } from "../revocations.ts";
import { encodeEntry, revocationSubject } from "./entry.ts";
import type { Stream } from "./stream.ts";

export class StoredRevocations {
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #table: RevocationTable;

  constructor(
    stream: Stream,
    { clock, revocationMs = DEFAULT_REVOCATION_MS }: {
      readonly clock: Clock;
      readonly revocationMs?: number;
    },
  ) {
    this.#stream = stream;
    this.#clock = clock;
    this.#table = new RevocationTable(clock, revocationMs);
  }

  get table(): RevocationTable {
    return this.#table;
  }

  /** Resolves once it is durable and holds on this node. */
  async store(revocation: Revocation): Promise<void> {
    const time = Math.floor(this.#clock.now());
    // It takes the place of the user's last one.
    const command = { do: "revoke", ...this.#table.latest(revocation) } as const;
    const subject = revocationSubject(revocation.user);
    await this.#stream.append(encodeEntry({ time, drafts: [], command }), {
      subject,
      id: undefined,
    });
    this.#table.add(revocation);
  }

  /** Reads all; returns those that this node did not know. */
  async load(): Promise<readonly Revocation[]> {
    const entries = await this.#stream.all();
    return entries.flatMap(({ command }) =>
      command?.do === "revoke" && this.#table.add(command) ? [command] : []
    );
  }
}
