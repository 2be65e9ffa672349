/**
 * The floor of publishing: the same rows inserted into `node:sqlite` in one loop, with the same sync.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";

/** A file with the log's columns and index. */
export class Floor implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly #database = new DatabaseSync(`${this.#directory}/floor.sqlite3`);
  #sequence = 0;

  constructor() {
    this.#database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      CREATE TABLE message (sequence INTEGER PRIMARY KEY, topic TEXT, time INTEGER, body TEXT, stamp INTEGER);
      CREATE INDEX message_by_topic ON message (topic);
    `);
  }

  /** Inserts `row` for `ms`. Returns rows a second. */
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

  [Symbol.dispose](): void {
    this.#database.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}
