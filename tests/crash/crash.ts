/**
 * The crash harness as a program: kills a gateway repeatedly while messages are published and received, prints
 * the result, and exits with 1 if a message was lost, repeated or out of order. With `--nats` there are three
 * gateways on one NATS, and gateways or NATS are killed; or gateways are restarted, and it also exits with 1 if
 * a client behind their load balancer did not reconnect at the first attempt.
 *
 *     deno task crash --kills 200
 *     deno task crash --nats "kill gateways" --kills 100
 *     deno task crash --nats "kill NATS" --kills 30
 *     deno task crash --nats "kill NATS leaders" --kills 30
 *     deno task crash --nats "restart gateways" --kills 30
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { Absences } from "./balancer.ts";
import type { Counts } from "./report.ts";
import { type ClusterReport, crashCluster, type Disturbance } from "./cluster.ts";
import { crash } from "./run.ts";

/** The number of kills between two lines of progress. */
const STRIDE = 10;

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    clients: { type: "string", default: "10" },
    publishers: { type: "string", default: "4" },
    "longest-life-ms": { type: "string", default: "600" },
    nats: { type: "string" },
  },
});

const DISTURBANCES: readonly Disturbance[] = [
  "kill gateways",
  "restart gateways",
  "kill NATS",
  "kill NATS leaders",
];
const disturbance = DISTURBANCES.find((one) => one === values.nats);
if (values.nats !== undefined && disturbance === undefined) {
  throw new Error(`--nats takes one of: ${DISTURBANCES.join(", ")}`);
}

const started = performance.now();
const options = {
  clients: Number(values.clients),
  publishers: Number(values.publishers),
  longestLifeMs: Number(values["longest-life-ms"]),
  progress: ({ kills, retries, resumed, pauses }: Readonly<Counts>, accepted: number) => {
    if (kills % STRIDE !== 0) return;
    console.log(
      `${kills} kills, ${accepted} accepted, ${retries} retries, ${resumed} resumed, ${pauses} pauses`,
    );
  },
};
const times = Number(values.kills);
const report: ClusterReport = disturbance === undefined
  ? { ...await crash({ ...options, kills: times }), absences: undefined }
  : await crashCluster({ ...options, times, disturbance });
console.log(table(report, (performance.now() - started) / 1000));
if (isFaulty(report)) Deno.exit(1);

function table(found: ClusterReport, seconds: number): string {
  const rows: readonly (readonly [string, number])[] = [
    ["kills", found.kills],
    ["messages accepted (201)", found.accepted],
    ["messages received, all clients", found.received],
    ["sessions resumed", found.resumed],
    ["sessions not resumed", found.refused],
    ["connections lost or not made", found.disconnects],
    ["tokens replaced after a 4003", found.renewals],
    ["pauses of the slow client", found.pauses],
    ["publishes retried", found.retries],
    ["losses", found.losses],
    ["duplicates", found.duplicates],
    ["out of order", found.disorders],
    ["of unknown origin", found.strangers],
    ["faults that the library hid", found.hidden],
    ["seconds", Math.round(seconds)],
    ...(found.absences === undefined ? [] : rowsOf(found.absences)),
  ];
  return rows.map(([name, count]) => `${name.padEnd(32)}${count}`).join("\n");
}

function rowsOf(found: Absences): readonly (readonly [string, number])[] {
  return [
    ["absences", found.count],
    ["attempts beyond the first", found.extraAttempts],
    ["longest delay drawn, ms", Math.round(found.longestDelayMs)],
    ["longest away, ms", Math.round(found.longestAwayMs)],
    ["median beyond the delay, ms", Math.round(found.medianOverheadMs)],
    ["longest beyond the delay, ms", Math.round(found.longestOverheadMs)],
  ];
}

function isFaulty(
  { losses, duplicates, disorders, strangers, hidden, refused, absences }: ClusterReport,
): boolean {
  const extraAttempts = absences?.extraAttempts ?? 0;
  return losses + duplicates + disorders + strangers + hidden + refused + extraAttempts > 0;
}
