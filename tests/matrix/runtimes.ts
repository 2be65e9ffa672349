/**
 * The client in every supported runtime and test runner: each runs the same scenario against a gateway on a
 * real port, which is killed and restarted meanwhile.
 *
 * `MATRIX_ROUNDS` is the number of restarts in Node 22, which measure how long the client is away.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { browser, NO_CHROMIUM } from "../browser/support/chromium.ts";
import { variable } from "../permissions.ts";
import {
  absent,
  bun,
  CLIENT,
  installed,
  matrixTest,
  node,
  PROJECT,
  run,
} from "./support/project.ts";
import { Stage } from "./support/stage.ts";

/** A way to run the scenario. */
interface Row {
  readonly command: readonly [string, ...string[]];
  /** True if the scenario has fake timers, and so the part that needs them. */
  readonly fakeTimers?: boolean;
  /** The number of rounds, each with a new client; once by default. */
  readonly rounds?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const JEST = [installed("jest/bin/jest.js"), "jest.test.cjs"];
const vitest = (environment: string) => [
  ...[installed("vitest/vitest.mjs"), "run", "vitest.test.mjs"],
  `--environment=${environment}`,
];
const DENO_FLAGS = [
  "--no-config",
  "--no-lock",
  "--allow-net=127.0.0.1",
  "--allow-env",
  "--allow-read",
];

const ROWS: Readonly<Record<string, Row>> = {
  "Node 20 with ws": { command: [node(20), "run.mjs"] },
  "Node 22": {
    command: [node(22), "run.mjs"],
    rounds: Number(variable("MATRIX_ROUNDS") ?? 1),
  },
  "Node 24": { command: [node(24), "run.mjs"] },
  "Bun": { command: [bun(), "run.mjs"] },
  "Deno, from its source": {
    command: [Deno.execPath(), "run", ...DENO_FLAGS, "run.mjs"],
    env: { MATRIX_CLIENT: new URL("../../client/mod.ts", import.meta.url).href },
  },
  "jest with its defaults": { command: [node(24), ...JEST], fakeTimers: true },
  "vitest with node": { command: [node(24), ...vitest("node")], fakeTimers: true },
  "vitest with jsdom": {
    command: [node(22), ...vitest("jsdom")],
    fakeTimers: true,
    // Under vitest, the WebSocket of jsdom 31 never opens: Node's classes refuse the events of jsdom's.
    env: { MATRIX_WEBSOCKET: "ws" },
  },
  "vitest with happy-dom": { command: [node(22), ...vitest("happy-dom")], fakeTimers: true },
};

/** The expected events of the client. */
function expected({ fakeTimers = false }: Pick<Row, "fakeTimers">): readonly string[] {
  const again = ["ready as alice, resumed: true", "message missed"];
  return [
    ...["ready as alice", "message first"],
    ...["disconnect 1006", ...again],
    ...fakeTimers ? ["disconnect 1006: no answer to a heartbeat within 45000 ms", ...again] : [],
    "the end",
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

for (const [name, row] of Object.entries(ROWS)) {
  matrixTest(`the client in ${name}`, absent(row.command[0]), async () => {
    await using stage = await Stage.start();
    for (let round = 0; round < (row.rounds ?? 1); round++) {
      stage.seen.length = 0;
      await run(row.command, { ...stage.env, ...row.env }).catch((error: Error) => {
        assert.fail(`${error.message}\nit saw: ${stage.seen.join("; ")}`);
      });
      assert.deepEqual(stage.seen, expected(row));
    }
    if (row.rounds !== undefined) assertBackSoon(stage);
  });
}

matrixTest("the client in Chromium", NO_CHROMIUM, async () => {
  await using stage = await Stage.start();
  const page = await (await browser()).newPage();
  await page.clock.install();
  await page.exposeFunction("ask", (what: string) => stage.act(what));
  await page.exposeFunction("advance", (ms: number) => page.clock.runFor(ms));
  await page.route(
    "**/emagine-client.js",
    (route) =>
      route.fulfill({
        path: join(CLIENT.folder, "emagine-client.js"),
        contentType: "text/javascript",
      }),
  );
  await page.goto(stage.pageUrl);
  await page.evaluate(`(async () => {
    const { GatewayClient } = await import("/emagine-client.js");
    const module = {};
    ${Deno.readTextFileSync(join(PROJECT, "scenario.cjs"))}
    const [url, token] = ${JSON.stringify([stage.url, stage.token])};
    await module.exports({ GatewayClient, url, token, ask, advance });
  })()`);
  assert.deepEqual(stage.seen, expected({ fakeTimers: true }));
});

/** Reports how soon the client was back, and with enough figures, asserts that it was within its first delays. */
function assertBackSoon({ awayMs, readyAfterMs }: Stage): void {
  console.log(`ready ${readyAfterMs.join(", ")} ms after the gateway listened again`);
  console.log(`median ${median(readyAfterMs)} ms; ${median(awayMs)} ms after SIGKILL`);
  if (awayMs.length >= 20) assert.ok(median(readyAfterMs) < 2000);
}
