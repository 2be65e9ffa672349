/**
 * The floor of publishing: the same rows into `node:sqlite` in one loop, with the same sync, and nothing
 * around it.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";

/** A file with the columns and the index that the log has. */
export class Floor implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly #database = new DatabaseSync(`${this.#directory}/floor.sqlite3`);
  #sequence = 0;

  /** An empty file, written with `synchronous=FULL`. */
  constructor() {
    this.#database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE message (sequence INTEGER PRIMARY KEY, topic TEXT, time INTEGER, body TEXT, stamp INTEGER);
      CREATE INDEX message_by_topic ON message (topic);
    `);
  }

  /** Inserts `row` for `ms`, `rowsPerCommit` at a time. Returns rows a second. */
  measure(
    row: { readonly topic: string; readonly body: string },
    { rowsPerCommit, ms }: { readonly rowsPerCommit: number; readonly ms: number },
  ): number {
    const begin = this.#database.prepare("BEGIN IMMEDIATE");
    const insert = this.#database.prepare("INSERT INTO message VALUES (?, ?, ?, ?, ?)");
    const commit = this.#database.prepare("COMMIT");
    const start = performance.now();
    const first = this.#sequence;
    while (performance.now() - start < ms) {
      begin.run();
      for (let index = 0; index < rowsPerCommit; index++) {
        insert.run(++this.#sequence, row.topic, Date.now(), row.body, Date.now());
      }
      commit.run();
    }
    return (this.#sequence - first) / (performance.now() - start) * 1000;
  }

  /** Removes the file. */
  [Symbol.dispose](): void {
    this.#database.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}
