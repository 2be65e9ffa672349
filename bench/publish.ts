/**
 * Compares publishing over HTTP with its floors: `POST /messages` from 64 connections, one message and a hundred
 * a request. Durable messages a second, beside the same rows in one loop into `node:sqlite` with the same
 * sync; and the CPU of a request, with either log, beside that of a bare `Deno.serve` that answers JSON
 * with JSON. Gateway and floor take turns, so that both have the same disk and the same neighbours.
 *
 *     deno run -A bench/publish.ts [--rounds 5] [--seconds 3] [--connections 64] [--batch 100]
 *
 * @module
 */

import { GatewayProcess } from "../tests/conformance/support/process.ts";
import { measureCpu } from "./support/cpu.ts";
import { Echo } from "./support/echo.ts";
import { Floor } from "./support/floor.ts";
import { HttpConnection } from "./support/http_connection.ts";
import { publishClosedLoop } from "./support/publisher.ts";
import { median, numberOptions, print, printTable, quantile } from "./support/stats.ts";

const OPTIONS = numberOptions({ rounds: 5, seconds: 3, connections: 64, batch: 100 });
const { rounds: ROUNDS, connections: CONNECTIONS, batch: BATCH } = OPTIONS;
const MS = OPTIONS.seconds * 1000;

const DRAFT = {
  channel: "general",
  author: "7",
  content: { text: "a message of chat ".repeat(8) },
};
const ROW = { topic: 'channel:"general"', body: JSON.stringify([DRAFT.author, DRAFT.content]) };
const DELAY = 'gateway_event_loop_delay_recent_seconds{percentile="99"}';

/** Publishes from every connection as fast as answers arrive, for one round. */
async function publishing(
  connections: readonly HttpConnection[],
  messagesPerRequest: number,
): Promise<{ readonly messages: number; readonly rate: number }> {
  const body = JSON.stringify(
    messagesPerRequest === 1 ? DRAFT : Array.from({ length: messagesPerRequest }, () => DRAFT),
  );
  const options = { body, messagesPerRequest, key: "dev", ms: MS };
  return await publishClosedLoop(connections, options);
}

function connect(url: string): Promise<HttpConnection[]> {
  return Promise.all(Array.from({ length: CONNECTIONS }, () => HttpConnection.open(url)));
}

/** The p99 of the gateway's event loop delay in the last minute, in milliseconds. */
async function eventLoopDelay(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(DELAY));
  return Number(line?.slice(DELAY.length)) * 1000;
}

/** Measures one kind of request with a gateway of its own, and prints the results. */
async function measure(messagesPerRequest: number, floors: readonly number[]): Promise<void> {
  await using gateway = await GatewayProcess.start({ settings: { GATEWAY_LOG_LEVEL: "info" } });
  using floor = new Floor();
  const connections = await connect(gateway.url);
  await publishing(connections, messagesPerRequest);
  const rates: number[] = [];
  const floorRates = floors.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    floors.forEach((rowsPerCommit, index) => {
      floorRates[index]?.push(floor.measure(ROW, { rowsPerCommit, ms: MS / 2 }));
    });
    rates.push((await publishing(connections, messagesPerRequest)).rate);
  }
  const rate = quantile(rates, 0.5);
  const what = messagesPerRequest === 1
    ? "one message a request"
    : `${messagesPerRequest} a request`;
  console.log(`${CONNECTIONS} connections, ${what}: ${print(rate)} messages/s`);
  floors.forEach((rowsPerCommit, index) => {
    const floorRate = quantile(floorRates[index] ?? [], 0.5);
    const of = rowsPerCommit === 1 ? "each row by itself" : `${rowsPerCommit} rows a commit`;
    console.log(
      `  floor, ${of}: ${print(floorRate)} rows/s; the gateway has ${
        print(rate / floorRate, 2)
      } of it`,
    );
  });
  console.log(
    `  event loop delay of the gateway: p99 ${print(await eventLoopDelay(gateway.url), 1)} ms`,
  );
  for (const connection of connections) connection[Symbol.dispose]();
}

/** Measures the CPU of the server for a request of one message and of many, and prints a table. */
async function compareCpu(): Promise<void> {
  await using echo = await Echo.start();
  const settings = { GATEWAY_LOG_LEVEL: "info" };
  await using memory = await GatewayProcess.start({
    settings: { ...settings, GATEWAY_LOG: "memory" },
  });
  await using sqlite = await GatewayProcess.start({ settings });
  const rows = [["CPU of a request", "µs", "× echo", "lowest µs"]];
  let floor = NaN;
  for (const messages of [1, BATCH]) {
    const servers = messages === 1 ? { echo, memory, sqlite } : { memory, sqlite };
    const runs = await Promise.all(
      Object.entries(servers).map(async ([name, { url, pid }]) => {
        return { name, pid, connections: await connect(url), micros: [] as number[] };
      }),
    );
    for (const { connections } of runs) await publishing(connections, messages);
    for (let round = 0; round < ROUNDS; round++) {
      for (const { pid, connections, micros } of runs) {
        const spent = await measureCpu([pid], () => publishing(connections, messages));
        micros.push((spent.micros[0] ?? NaN) * messages / spent.result.messages);
      }
    }
    for (const { name, connections, micros } of runs) {
      if (name === "echo") floor = median(micros);
      const what = name === "echo" ? "bare Deno.serve" : `${name} log, messages: ${messages}`;
      const ratio = print(median(micros) / floor, 2);
      rows.push([what, print(median(micros), 1), ratio, print(Math.min(...micros), 1)]);
      for (const connection of connections) connection[Symbol.dispose]();
    }
  }
  printTable(rows);
}

console.log(`medians of ${ROUNDS} rounds of ${MS / 1000} s, synchronous=FULL`);
await measure(1, [1, CONNECTIONS]);
await measure(BATCH, [BATCH]);
await compareCpu();
