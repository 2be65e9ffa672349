/**
 * Durable publishing over HTTP against its floor: `POST /messages` from 64 connections, one message and
 * a hundred a request, beside the same rows in one loop into `node:sqlite` with the same sync. Gateway
 * and floor take turns, so that both have the same disk.
 *
 *     deno run -A bench/publish.ts [--rounds 5] [--seconds 3] [--connections 64] [--batch 100]
 *
 * @module
 */

import { GatewayProcess } from "../tests/conformance/support/process.ts";
import { Floor } from "./support/floor.ts";
import { HttpConnection } from "./support/http_connection.ts";
import { publishClosedLoop } from "./support/publisher.ts";
import { numberOptions, print, quantile } from "./support/stats.ts";

const OPTIONS = numberOptions({ rounds: 5, seconds: 3, connections: 64, batch: 100 });
const { rounds: ROUNDS, connections: CONNECTIONS, batch: BATCH } = OPTIONS;
const MS = OPTIONS.seconds * 1000;

const DRAFT = {
  channel: "general",
  author: "7",
  content: { text: "a message of chat ".repeat(8) },
};
const ROW = { topic: 'channel:"general"', body: JSON.stringify([DRAFT.author, DRAFT.content]) };
const DELAY = 'gateway_event_loop_delay_recent_seconds{quantile="0.99"}';

/** Publishes from every connection as fast as answers come, for one round. Returns messages a second. */
async function publishing(
  connections: readonly HttpConnection[],
  messagesPerRequest: number,
): Promise<number> {
  const body = JSON.stringify(
    messagesPerRequest === 1 ? DRAFT : Array.from({ length: messagesPerRequest }, () => DRAFT),
  );
  const options = { body, messagesPerRequest, key: "dev", ms: MS };
  return (await publishClosedLoop(connections, options)).rate;
}

/** The p99 of the gateway's event loop delay in the last minute, in milliseconds. */
async function eventLoopDelay(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((line) => line.startsWith(DELAY));
  return Number(line?.slice(DELAY.length)) * 1000;
}

/** Measures one kind of request with a gateway of its own, and prints what it found. */
async function measure(messagesPerRequest: number, floors: readonly number[]): Promise<void> {
  await using gateway = await GatewayProcess.start({ settings: { GATEWAY_LOG_LEVEL: "info" } });
  using floor = new Floor();
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => HttpConnection.open(gateway.url)),
  );
  await publishing(connections, messagesPerRequest);
  const rates: number[] = [];
  const floorRates = floors.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    floors.forEach((rowsPerCommit, index) => {
      floorRates[index]?.push(floor.measure(ROW, { rowsPerCommit, ms: MS / 2 }));
    });
    rates.push(await publishing(connections, messagesPerRequest));
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

console.log(`medians of ${ROUNDS} rounds of ${MS / 1000} s, synchronous=FULL`);
await measure(1, [1, CONNECTIONS]);
await measure(BATCH, [BATCH]);
