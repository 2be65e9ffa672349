/**
 * Measures that the receiver of webhooks costs clients nothing, however it behaves: the latency of messages and of
 * heartbeats while users come and go, and the time after which a receiver that is well again knows who is there.
 *
 *     deno task bench:webhooks [--receivers 1000] [--rate 10] [--churn 50] [--seconds 20] [--down-seconds 60]
 *
 * One gateway over `node`, on SQLite. Clients, publisher and receiver are in this process, so latencies are those of
 * both. `none` is a gateway without webhooks. Fails if a message is lost, or the receiver is wrong about a user.
 *
 * @module
 */

import { Peer } from "../tests/conformance/support/peer.ts";
import { eventually, pause } from "../tests/conformance/support/wait.ts";
import { type Behaviour, WebhookReceiver } from "../tests/conformance/support/webhook_receiver.ts";
import { Audience } from "./support/audience.ts";
import { Deployment, signToken } from "./support/deployment.ts";
import { inParallel } from "./support/parallel.ts";
import { atRate, publishAtRate } from "./support/publisher.ts";
import { Receiver } from "./support/receiver.ts";
import { run } from "./support/run.ts";
import { numberOptions, print, printTable, quantile } from "./support/stats.ts";

const OPTIONS = numberOptions({
  "receivers": 1000,
  "rate": 10,
  "churn": 50,
  "seconds": 20,
  "down-seconds": 60,
});
const CHANNEL = "general";
const BEAT_MS = 100;
/** Connections whose heartbeats are measured; they take turns, because each may send 120 frames in 60 s. */
const BEATERS = 10;
/** Time for which a user of the churn stays, in milliseconds. */
const STAY_MS = 5000;
const NOTHING = { message: () => {}, heartbeat: () => {}, failed: () => {} };
const LIMIT_MS = 300_000;

const CASES: readonly (Behaviour | "none" | "down")[] = [
  "none",
  "well",
  "slow",
  "failing",
  "hanging",
  "half",
  "down",
];

const row = (cells: readonly number[]): readonly string[] => cells.map((ms) => print(ms, 1));
const spread = (ms: readonly number[]) => row([0.5, 0.99, 1].map((part) => quantile(ms, part)));

/** Users who come, stay for a while and go; half of the last ones stay. Returns who is there in the end. */
async function churn(url: string, seconds: number): Promise<readonly Receiver[]> {
  const times = OPTIONS.churn * seconds;
  const there: Receiver[] = [];
  await atRate({ times, rate: OPTIONS.churn }, async (index) => {
    const token = await signToken(`churn-${index}`, "nothing");
    const receiver = await Receiver.connect(url, { token, listener: NOTHING });
    if (index % 2 === 0 && index > times / 2) return void there.push(receiver);
    await pause(STAY_MS);
    receiver[Symbol.dispose]();
  });
  return there;
}

/** Round trips of heartbeats until `over`. */
async function beat(url: string, over: () => boolean): Promise<readonly number[]> {
  const wsUrl = `${url.replace("http", "ws")}/gateway`;
  const peers = await Promise.all(Array.from({ length: BEATERS }, async (_, index) => {
    const token = await signToken(`beater-${index}`, "nothing");
    return (await Peer.ready(wsUrl, { token })).peer;
  }));
  const trips: number[] = [];
  for (let turn = 0; !over(); turn++) {
    const peer = peers[turn % BEATERS];
    const from = performance.now();
    await peer?.raw.json({ op: 10, time: turn });
    await peer?.next("the ACK");
    trips.push(performance.now() - from);
    await pause(BEAT_MS);
  }
  for (const peer of peers) peer[Symbol.dispose]();
  return trips;
}

async function measure(behaviour: (typeof CASES)[number]): Promise<readonly string[]> {
  const { receivers, rate } = OPTIONS;
  const seconds = behaviour === "down" ? OPTIONS["down-seconds"] : OPTIONS.seconds;
  await using receiver = await WebhookReceiver.start();
  const settings = behaviour === "none" ? {} : receiver.settings;
  await using gateway = await Deployment.start({
    log: "sqlite",
    settings: { GATEWAY_TRANSPORT: "node", ...settings },
  });
  const [url = ""] = gateway.urls;
  using audience = await Audience.connect(gateway.urls, { size: receivers, channel: CHANNEL });
  const told = (expected: number) =>
    eventually(`${expected} users online`, () => {
      const online = [...receiver.belief.values()].filter((state) => state === "online").length;
      return Promise.resolve(online === expected ? true : undefined);
    }, { limitMs: LIMIT_MS });
  if (behaviour !== "none") await told(receivers);
  receiver.events.length = 0;
  if (behaviour === "down") await receiver.down();
  else if (behaviour !== "none") receiver.behaviour = behaviour;
  const messages = rate * seconds;
  const round = audience.begin(messages);
  let over = false;
  const beating = beat(url, () => over);
  const [there] = await Promise.all([
    churn(url, seconds),
    publishAtRate(gateway.publishers, { messages, rate, body: (index) => round.body(index) }),
  ]);
  await round.complete();
  over = true;
  const trips = await beating;
  const attempts = receiver.events.length;
  if (behaviour === "down") await receiver.up();
  receiver.behaviour = "well";
  const from = performance.now();
  const users = OPTIONS.churn * seconds;
  if (behaviour !== "none") await told(receivers + there.length);
  const healedS = (performance.now() - from) / 1000;
  if (receiver.forged.length > 0) throw new Error(receiver.forged[0]);
  await inParallel(there, 10, (each) => Promise.resolve(each[Symbol.dispose]()));
  return [
    behaviour,
    ...spread(round.latenciesMs),
    ...spread(trips),
    print(users),
    print(attempts),
    behaviour === "none" ? "" : print(healedS, 1),
  ];
}

await run(async () => {
  const rows = [[
    ...["receiver", "message p50 ms", "p99", "max", "heartbeat p50 ms", "p99", "max"],
    ...["users", "events stored meanwhile", "right after s"],
  ]];
  for (const each of CASES) rows.push([...await measure(each)]);
  printTable(rows);
});
