/**
 * Measures questions about who is connected, over HTTP, to one node with 100,000 users online, all in one
 * channel: the channel page by page, 1,000 users at once, and the channel's count. Beside each: the longest that
 * the event loop was held, and the most that a heartbeat was late.
 *
 *     deno task bench:presence [--users 100000] [--heartbeat-ms 10000] [--seconds 5]
 *
 * The gateway runs here with its real clock, hub and sessions, but with sockets that lead nowhere and answer
 * heartbeats at once; whoever asks is a thread of its own. Over `node`, which is the slower of the two for HTTP.
 *
 * @module
 */

import { Gateway } from "../gateway/gateway.ts";
import { admissionOptions, sessionOptions } from "../gateway/config/session_options.ts";
import { createHttp } from "../gateway/http/mod.ts";
import { createMemoryLog } from "../gateway/log/memory.ts";
import { Metrics } from "../gateway/metrics/metrics.ts";
import { listenWithNode } from "../gateway/runtime/node_transport.ts";
import { delay } from "../gateway/util.ts";
import { EchoSocket } from "./support/echo_socket.ts";
import { type AskingTask, askInThread } from "./support/presence_asker.ts";
import { run } from "./support/run.ts";
import { numberOptions, print, printTable, quantile } from "./support/stats.ts";
import { createWorld } from "./support/world.ts";

const OPTIONS = numberOptions({ "users": 100_000, "heartbeat-ms": 10_000, "seconds": 5 });
const { users, seconds } = OPTIONS;
const heartbeatIntervalMs = OPTIONS["heartbeat-ms"];
const KEY = "a-publish-key-of-a-benchmark";
const CHANNEL = "general";
/** Users or messages at once, as the routes allow. */
const PAGE = 1000;
/** Identifications in a row, before timers have their turn. */
const BATCH = 500;

const { clock, ids, logger } = createWorld();
/** In an order that is not that of the names. */
const names = Array.from({ length: users }, (_, number) => `user-${number * 7919 % users}`);
const NO_LIMIT = 1_000_000_000;

/** The largest of what was measured since the last call of `take`. */
class Worst {
  #worst = 0;

  add(value: number): void {
    this.#worst = Math.max(this.#worst, value);
  }

  take(): number {
    const worst = this.#worst;
    this.#worst = 0;
    return worst;
  }
}

const held = new Worst();
const late = new Worst();

function createGateway(): Gateway {
  return new Gateway({
    ...{ clock, ids, logger },
    metrics: new Metrics({ version: "0", runtime: "bench", residentBytes: () => 0 }),
    log: createMemoryLog({ clock, ids, logger }),
    verifier: {
      verify: (token) =>
        Promise.resolve({
          ok: true,
          user: token,
          channels: [CHANNEL],
          expiresAt: clock.now() + 86_400_000,
          issuedAt: 0,
        }),
    },
    limits: {
      ...admissionOptions(),
      ...{ maxConnections: NO_LIMIT, maxConnectionsPerIp: NO_LIMIT, maxUnidentified: NO_LIMIT },
      ...{ connectRatePerIp: NO_LIMIT, connectBurstPerIp: NO_LIMIT },
    },
    connection: { ...sessionOptions(), heartbeatIntervalMs },
    node: { node: "bench", transport: "none" },
  });
}

/** Connects everyone, at an even pace so that heartbeats are spread as evenly. */
async function connectAll(gateway: Gateway): Promise<void> {
  const start = clock.steady();
  for (const [number, name] of names.entries()) {
    const admitted = gateway.connect("192.0.2.1");
    if (typeof admitted === "string") throw new Error(`not admitted: ${admitted}`);
    const socket = new EchoSocket({
      now: () => clock.steady(),
      intervalMs: heartbeatIntervalMs,
      beat: (lateMs) => late.add(lateMs),
    });
    admitted.accept(socket);
    socket.receive(JSON.stringify({ op: 1, token: name }));
    if (number % BATCH !== 0) continue;
    const paceMs = start + heartbeatIntervalMs * number / users - clock.steady();
    await delay(clock, Math.max(1, paceMs));
  }
  while (gateway.channelPresence(CHANNEL).users < users) await delay(clock, 10);
}

/** Watches how late a timer of a millisecond is. */
function watchEventLoop(): void {
  let before = performance.now();
  setInterval(() => {
    const now = performance.now();
    held.add(now - before - 1);
    before = now;
  }, 1);
}

await run(async () => {
  const gateway = createGateway();
  const http = createHttp({
    ...{
      users: gateway,
      signals: gateway,
      log: createMemoryLog({ clock, ids, logger }),
      clock,
      logger,
    },
    connect: () => "full",
    ...{ allowedOrigins: [], originRefused: () => {}, draining: () => false },
    ...{ metricsText: () => Promise.resolve(""), publishKeys: [KEY], issuer: undefined },
    ...{ version: "0", maxMessageBytes: 65_536 },
  });
  const listener = await listenWithNode({
    ...{ host: "127.0.0.1", port: 0, portName: "port", tls: undefined, trustedProxies: 0 },
    ...{ clock, logger, handle: http, badRequest: () => new Response(null, { status: 400 }) },
    ...{
      maxHeaderBytes: 65_536,
      maxFrameBytes: 4096,
      limits: { maxConnections: 1000, maxConnectionsPerIp: 1000 },
    },
  });
  await connectAll(gateway);
  console.log(`${print(users)} users online, a heartbeat to each every ${heartbeatIntervalMs} ms`);
  watchEventLoop();
  const rows = [["asked", "answers", "median ms", "worst ms", "loop held ms", "beat late ms"]];
  const measure = async (what: string, ask: () => Promise<readonly number[]>): Promise<void> => {
    held.take();
    late.take();
    const times = await ask();
    const spent = times.length === 0
      ? ["", "", ""]
      : [print(times.length), print(quantile(times, 0.5), 1), print(Math.max(...times), 1)];
    rows.push([what, ...spent, print(held.take(), 1), print(late.take(), 1)]);
  };
  const task = { ...{ url: listener.url, key: KEY, channel: CHANNEL, size: PAGE, seconds }, names };
  const asking = (what: AskingTask["what"]) => () => askInThread({ ...task, what });
  // Warms up both sides.
  await asking("pages")();
  await asking("users")();
  await measure("nothing", async () => {
    await delay(clock, seconds * 1000);
    return [];
  });
  await measure("1,000 users of the channel", asking("pages"));
  await measure("1,000 users by name", asking("users"));
  await measure("the count of the channel", asking("count"));
  printTable(rows);
  Deno.exit(0);
});
