/**
 * The tables of the SQLite log: rows that a reopened log discards, and rows that a read fetches from the index.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readPage } from "../../gateway/log/sqlite/read.ts";
import { openDatabase } from "../../gateway/log/sqlite/schema.ts";
import { Tables } from "../../gateway/log/sqlite/tables.ts";
import { needs, testUnless } from "../permissions.ts";
import { tempDirectory } from "./support/temp_directory.ts";

const test = testUnless(needs("read", "write"));

function withTables(body: (tables: Tables) => void): void {
  const directory = tempDirectory();
  const options = { directory, sync: "full", epoch: "e", walPages: 100, again: false } as const;
  const tables = new Tables(openDatabase(options));
  body(tables);
  tables.close();
  Deno.removeSync(directory, { recursive: true });
}

function fill(tables: Tables, count: number, topicOf: (sequence: number) => string): void {
  tables.transact(() => {
    for (let sequence = 1; sequence <= count; sequence++) {
      tables.insert({ sequence, topic: topicOf(sequence), time: 1, stamp: 1, body: "[]" });
    }
  });
}

test("discardAfter() removes messages and keys that were never acknowledged", () => {
  withTables((tables) => {
    fill(tables, 5, () => "everyone");
    tables.storeKey("told", { digest: "d", first: 2, count: 2, time: 1, stamp: 1 });
    tables.storeKey("untold", { digest: "d", first: 4, count: 2, time: 1, stamp: 1 });
    tables.discardAfter(3);
    assert.equal(tables.last().sequence, 3);
    assert.equal(tables.findKey("told")?.first, 2);
    assert.equal(tables.findKey("untold"), undefined);
  });
});

test("readPage() looks at no more of the index than the page takes", () => {
  withTables((tables) => {
    const topics = Array.from({ length: 20 }, (_, index) => `topic ${index}`);
    // Every tenth message has one of the topics.
    fill(tables, 20_000, (n) => n % 10 === 0 ? `topic ${(n / 10) % 20}` : "not for us");
    let [calls, entries, rows] = [0, 0, 0];
    const counting = {
      prunedThrough: 0,
      row: (sequence: number) => {
        rows++;
        return tables.row(sequence);
      },
      sequences: (...query: Parameters<Tables["sequences"]>) => {
        const found = tables.sequences(...query);
        calls++;
        entries += found.length;
        return found;
      },
    };
    const query = { after: 0, through: 20_000, topics, limit: 100, maxBytes: 1e6 };
    const page = readPage(counting, query);
    assert.ok(page !== "expired");
    assert.deepEqual(
      page.rows.map(({ sequence }) => sequence),
      Array.from({ length: 100 }, (_, index) => (index + 1) * 10),
    );
    assert.ok(page.more);
    assert.deepEqual([rows, calls, entries], [100, 20, 320]);
    readPage(counting, { ...query, maxBytes: 1 });
    assert.equal(rows, 102, "the body after the last is looked at for its length");
  });
});
