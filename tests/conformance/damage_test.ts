/**
 * Files of the log that are deleted or damaged under a running gateway: within a second, `/health` and publishes
 * report it, no publish is accepted that a restart would lose, and clients stay connected.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Answer } from "./support/backend.ts";
import { GatewayProcess } from "./support/process.ts";
import { processTest } from "./support/suite.ts";
import { someone } from "./support/target.ts";
import { eventually } from "./support/wait.ts";

/** Damages the data directory. */
type Deed = (dataDir: string) => void;

const DEEDS: Readonly<Record<string, Deed>> = {
  "the log's files are deleted": (dataDir) => {
    for (const { name } of Deno.readDirSync(dataDir)) Deno.removeSync(`${dataDir}/${name}`);
  },
  "the data directory is renamed": (dataDir) => Deno.renameSync(dataDir, `${dataDir}.elsewhere`),
  "the write-ahead log is overwritten with garbage": (dataDir) => {
    const path = `${dataDir}/messages.sqlite3-wal`;
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array(file.statSync().size).fill(0xa5));
  },
  "the database file is emptied": (dataDir) => Deno.truncateSync(`${dataDir}/messages.sqlite3`),
};

for (const [what, happens] of Object.entries(DEEDS)) {
  processTest(`when ${what}, /health and publishing are 503 within a second`, async () => {
    const base = await Deno.makeTempDir();
    const dataDir = `${base}/data`;
    const user = someone();
    try {
      await using gateway = await GatewayProcess.start({ dataDir });
      await using member = await gateway.member(user);
      const body = { user, author: "1", content: "before" };
      const publish = (): Promise<Answer> => gateway.backend.request("POST", "/messages", { body });
      const health = (): Promise<Answer> => gateway.backend.request("GET", "/health");
      assert.equal((await publish()).status, 201);
      assert.equal((await health()).status, 200);
      await member.nextContents(1);
      happens(dataDir);
      for (const ask of [health, publish]) {
        const refused = await eventually("503", async () => {
          const answer = await ask();
          return answer.status === 503 ? answer : undefined;
        }, { limitMs: 1000 });
        assert.ok(!JSON.stringify(refused.body).includes(base), "no path is shown");
      }
      for (const ask of [publish, health, publish]) assert.equal((await ask()).status, 503);
      assert.equal((await gateway.backend.request("GET", "/health/live")).status, 200);
      await gateway.backend.disconnect(user);
      assert.equal(await member.closeCode(), 4010, "the client was still connected");
    } finally {
      await Deno.remove(base, { recursive: true });
    }
  });
}
