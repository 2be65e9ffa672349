/**
 * The tables of `certify`: its checks, the wrong clients that prove them, and the scorecards in docs/certify.md.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CHECKS } from "../../certify/checks/mod.ts";
import { needs, testUnless } from "../permissions.ts";
import { read } from "../tidy/sources.ts";
import { readCertifyTable } from "../../tools/certify_rows.ts";
import { EXAMPLES } from "./examples.ts";
import { FAULTS } from "./faults.ts";

testUnless(needs("read"))(
  "each check is named once, and comes from a section of the protocol",
  () => {
    assert.ok(CHECKS.length >= 30);
    const ids = CHECKS.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const headings = [...read("docs/protocol.md").matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title
    );
    for (const { id, section } of CHECKS) {
      assert.ok(
        headings.includes(section),
        `${id}: ${section}`,
      );
    }
  },
);

testUnless(needs("read"))("the scorecards in docs/certify.md are those of all clients", () => {
  const { checks, examples, faults } = readCertifyTable();
  assert.equal(checks, CHECKS.length, "run deno task certify:table");
  assert.deepEqual(examples.map(({ client }) => client), EXAMPLES.map(({ name }) => name));
  for (const { client, passed } of examples) assert.equal(passed, checks, client);
  assert.deepEqual(
    Object.fromEntries(faults.map(({ client, failed }) => [client, failed])),
    Object.fromEntries(Object.entries(FAULTS).map(([fault, id]) => [fault, [id]])),
  );
});

Deno.test("every check but that for a session at all has a wrong client", () => {
  const meant = new Set(Object.values(FAULTS));
  const without = CHECKS.filter(({ id }) => !meant.has(id)).map(({ id }) => id);
  // 1007 and 1008 are like 1002.
  assert.deepEqual(without, ["session", "close-1007", "close-1008"]);
  assert.ok(Object.keys(FAULTS).length >= 20);
});
