/**
 * Chaos over HTTP: clients in this process, each in a world of its own, on clocks in step. CHAOS_SEEDS is the
 * number of seeds, CHAOS_MINUTES their length.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayClient, type GatewayClientOptions, type LogRecord } from "../../client/mod.ts";
import { keepInStep } from "../../examples/two_clocks.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { variable } from "../permissions.ts";
import { CLIENT_BUGS } from "../simulation/client_bugs.ts";
import { GatewayProcess } from "./support/process.ts";
import { processTest } from "./support/suite.ts";

const SEEDS = Number(variable("CHAOS_SEEDS") ?? 2);
const MINUTES = Number(variable("CHAOS_MINUTES") ?? 5);
/** Worlds at the same time. */
const MAX_WORLDS = 8;

type Wrong = (options: GatewayClientOptions) => GatewayClientOptions;

// deno-lint-ignore no-explicit-any -- the test knows what the route answers
async function post(url: string, body: unknown = {}): Promise<any> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, `${url}: ${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

interface Scene {
  /** Of its world. */
  readonly url: string;
  /** Starts the client. */
  start(): GatewayClient;
}

/** Calls `act` with a client on a clock in step, in a world of its own. */
async function inWorld<T>(
  server: GatewayProcess,
  wrong: Wrong,
  act: (scene: Scene) => Promise<T>,
): Promise<T> {
  const { world, url, ws_url } = await post(`${server.url}/mock/worlds`);
  const clock = new FakeClock();
  const network = new Network();
  const stop = await keepInStep(url, async (maxMs) => {
    const { actions } = network;
    const dueMs = Math.max(1, Math.ceil((clock.nextDue() ?? Infinity) - clock.steady()));
    const movedMs = Math.min(maxMs, dueMs);
    await clock.advance(movedMs);
    return { movedMs, fired: network.actions > actions };
  });
  const options = {
    url: ws_url,
    clock,
    WebSocket: network.WebSocket,
    random: () => 0.5,
    getToken: async () => {
      network.actions += 1;
      return (await post(`${url}/mock/tokens`, { expires_in: 1e6 })).token;
    },
  };
  const clients: GatewayClient[] = [];
  let told = Promise.resolve();
  const start = (): GatewayClient => {
    const client = new GatewayClient(wrong(options));
    clients.push(client);
    client.on("message", ({ id }) => {
      network.actions += 1;
      told = told.then(() => post(`${url}/mock/delivered`, { user: "alice", ids: [id] }));
    });
    client.on("error", () => {});
    return client;
  };
  const outcome = await act({ url, start });
  await Promise.all(clients.map((client) => client.close()));
  await told;
  await stop();
  await fetch(`${server.url}/mock/worlds/${world}`, { method: "DELETE" });
  return outcome;
}

const correct: Wrong = (options) => options;

const forgetful: Wrong = (options) =>
  CLIENT_BUGS.find(({ name }) => name === "the client does not send its last_id")
    ?.make().client?.(options) ?? assert.fail("no such bug");

/** Runs the chaos of `seed`. Returns what it found, and two recordings. */
function chaos(server: GatewayProcess, seed: number, wrong = correct) {
  return inWorld(server, wrong, async ({ url, start }) => {
    const client = start();
    const log: LogRecord[] = [];
    client.on("log", (record) => log.push(record));
    await new Promise((resolve) => client.on("ready", resolve));
    const outcome = await post(`${url}/mock/chaos`, { seed, minutes: MINUTES, patience_ms: 5000 });
    const transcript = await (await fetch(`${url}/mock/transcript`)).json();
    return { outcome, log: [...log], transcript };
  });
}

/** Replays a recording. */
function replay(server: GatewayProcess, recording: readonly unknown[], wrong: Wrong) {
  return inWorld(server, wrong, async ({ url, start }) => {
    const { recorded } = await post(`${url}/mock/replay`, { recording });
    start();
    return { recorded, ...await post(`${url}/mock/replay/run`, { patience_ms: 5000 }) };
  });
}

/** Counts what a client does on the network. */
class Network {
  actions = 0;

  readonly WebSocket = ((network: Network) =>
    class extends WebSocket {
      constructor(url: string) {
        super(url);
        network.actions += 1;
      }

      override send(data: string): void {
        network.actions += 1;
        super.send(data);
      }

      override close(code?: number, reason?: string): void {
        network.actions += 1;
        super.close(code, reason);
      }
    })(this);
}

/** Runs seeds against the client library, several at a time. Returns how often each fault was inflicted. */
async function survive(server: GatewayProcess): Promise<ReadonlyMap<string, number>> {
  const faults = new Map<string, number>();
  let seed = 0;
  const work = async (): Promise<void> => {
    while (seed < SEEDS) {
      const { outcome } = await chaos(server, ++seed);
      assert.equal(outcome.broken, null, JSON.stringify({ ...outcome, transcript: [] }));
      for (const [name, count] of Object.entries<number>(outcome.faults)) {
        faults.set(name, (faults.get(name) ?? 0) + count);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(SEEDS, MAX_WORLDS) }, work));
  return faults;
}

/** Tries seeds until one finds the bug of a client, runs that again, and replays what was recorded. */
async function find(server: GatewayProcess): Promise<string> {
  let seed = 0;
  let found;
  do found = await chaos(server, ++seed, forgetful); while (
    found.outcome.broken === null && seed < 10
  );
  const { outcome, transcript, log } = found;
  const rule = "the client resumes from its last message";
  assert.equal(outcome.broken?.rule, rule);
  assert.deepEqual((await chaos(server, seed, forgetful)).outcome, outcome);
  // The bug is below the log.
  const honest = log.map((record) =>
    record.event === "sent" && Object(record.frame).op === 1
      ? { ...record, frame: { op: 1 } }
      : record
  );
  await Promise.all([transcript, honest].map(async (recording) => {
    const [before, after] = await Promise.all([
      replay(server, recording, forgetful),
      replay(server, recording, correct),
    ]);
    // Not that of the gateway: chaos closes with codes that have no cause.
    assert.equal(before.recorded.client?.rule, rule);
    assert.deepEqual([before.broken?.rule, after.broken], [rule, null]);
  }));
  return `seed ${seed}: ${outcome.broken.explanation}`;
}

processTest(
  "chaos over HTTP: the client library survives, a wrong one is found each time and in recordings",
  async () => {
    await using server = await GatewayProcess.start({ args: ["--mock"] });
    const beganMs = performance.now();
    // Nothing runs beside the one whose transcripts are compared.
    const found = await find(server);
    const faults = await survive(server);
    const tookS = ((performance.now() - beganMs) / 1000).toFixed(1);
    const inflicted = [...faults].map(([name, count]) => `${count} ${name}`).join(", ");
    console.log(`${SEEDS} seeds of ${MINUTES} min: ${inflicted}; ${found}; ${tookS} s`);
  },
);
