/**
 * Measures the figures for a capacity plan, each of one gateway process: memory and processor time of a
 * connection, of a heartbeat, of a delivery, of a message without receivers on the node, and of
 * nats-server for each node that follows.
 *
 *     deno task bench:capacity [--connections 5000] [--beating 2000] [--receivers 1000] [--rate 500]
 *         [--fan-out-rate 10] [--seconds 3] [--rounds 3]
 *
 * A time is user and system time of the process that is named, less what it uses when idle, divided by the
 * number of events; the network is loopback. Clients and publishers are in this
 * process, which is not counted. Tokens are signed with HS256; other algorithms take longer to verify.
 *
 * The cost of a publish depends on the rate: the more come at once, the more share a commit or a turn of the
 * event loop, so a low rate and as many as go are both measured. A nats-server uses several cores; the rate
 * at which one of them would be full is reckoned from what a message costs, not reached. Fails when something
 * that was published was not delivered.
 *
 * @module
 */

import { NO_NATS } from "../tests/nats/support/server.ts";
import { measureHeartbeats, measureSetUp } from "./support/capacity_connections.ts";
import { measureFanOut } from "./support/capacity_messages.ts";
import { measureNatsServer, measurePublishing, measureUnheard } from "./support/capacity_nats.ts";
import { run } from "./support/run.ts";
import { numberOptions } from "./support/stats.ts";

const OPTIONS = numberOptions({
  "connections": 5000,
  "beating": 2000,
  "receivers": 1000,
  "rate": 500,
  "fan-out-rate": 10,
  "seconds": 3,
  "rounds": 3,
});
const { rate, seconds, rounds, receivers } = OPTIONS;

await run(async () => {
  console.log("connections");
  await measureSetUp(OPTIONS.connections);
  await measureHeartbeats(OPTIONS.beating, seconds);
  console.log("\nmessages on SQLite");
  await measureFanOut({ rate, receivers, fanOutRate: OPTIONS["fan-out-rate"], seconds, rounds });
  if (NO_NATS === undefined) {
    console.log("\nmessages on NATS");
    await measureUnheard({ rate, seconds });
    console.log("\nnats-server");
    await measureNatsServer({ rate, seconds });
  } else console.log(`\nmessages on NATS and nats-server: skipped: ${NO_NATS}`);
  console.log("\npublishing as fast as answers come");
  await measurePublishing({ rounds, seconds, nats: NO_NATS === undefined });
});
