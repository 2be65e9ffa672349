/**
 * Measures connections of one gateway that delivers nothing: memory, set-up, heartbeats.
 *
 * @module
 */

import { residentBytes } from "../../tests/conformance/support/resources.ts";
import { pause } from "../../tests/conformance/support/wait.ts";
import { Audience } from "./audience.ts";
import { CpuMeter } from "./cpu.ts";
import { Deployment } from "./deployment.ts";
import { print } from "./stats.ts";

/** Connections before the measured ones, so that code is compiled and tables exist. */
const WARM_UP = 500;
const IDLE_MS = 2000;
/** The heartbeat intervals of the measurement and by default. */
const FAST_BEAT_MS = 1000;
const DEFAULT_BEAT_MS = 45_000;

/** Prints resident memory and processor time of a connection. */
export async function measureSetUp(connections: number): Promise<void> {
  await using gateway = await Deployment.start({ log: "sqlite" });
  const pid = gateway.pids[0] ?? NaN;
  const empty = await residentBytes(pid);
  using _first = await Audience.connect(gateway.urls, { size: WARM_UP, channel: "first" });
  const meter = await CpuMeter.calibrate(gateway.pids, IDLE_MS);
  const before = await residentBytes(pid);
  let setUpMicros = NaN;
  let seconds = NaN;
  using audience = await Audience.connect(gateway.urls, {
    size: connections,
    channel: "idle",
    connecting: async (work) => {
      const spent = await meter.measure(work);
      setUpMicros = spent.micros[0] ?? NaN;
      seconds = spent.seconds;
    },
  });
  await audience.whole(pause(IDLE_MS));
  const after = await residentBytes(pid);
  const mebibytes = [empty, before, after].map((bytes) => print(bytes / 2 ** 20));
  console.log(
    `resident memory of an idle ready connection: ` +
      `${print((after - before) / connections / 1024, 1)} KiB of the last ${print(connections)}, ` +
      `${print((after - empty) / (connections + WARM_UP) / 1024, 1)} KiB of all ` +
      `(MiB with none, ${WARM_UP} and all: ${mebibytes.join(", ")})`,
  );
  console.log(
    `set-up of a connection, Identify with HS256: ${print(setUpMicros / connections, 1)} µs ` +
      `(${print(connections / seconds)} a second were made)`,
  );
}

/** Prints the processor time of a heartbeat with its ACK, and of an idle connection. */
export async function measureHeartbeats(connections: number, seconds: number): Promise<void> {
  const settings = { GATEWAY_HEARTBEAT_INTERVAL_MS: String(FAST_BEAT_MS) };
  await using gateway = await Deployment.start({ log: "sqlite", settings });
  const meter = await CpuMeter.calibrate(gateway.pids, IDLE_MS);
  using audience = await Audience.connect(gateway.urls, { size: connections, channel: "beating" });
  await audience.whole(pause(IDLE_MS));
  const from = audience.heartbeats;
  const { micros: [micros = NaN] } = await meter.measure(() =>
    audience.whole(pause(seconds * 1000))
  );
  const beats = audience.heartbeats - from;
  const due = connections * seconds * 1000 / FAST_BEAT_MS;
  // The number of heartbeats is exact but for those at the ends.
  if (beats < due * 0.8) throw new Error(`${beats} beats of ${due} were answered`);
  const each = micros / beats;
  console.log(`heartbeat and its acknowledgement: ${print(each, 1)} µs (${print(beats)} beats)`);
  const perSecond = each / (DEFAULT_BEAT_MS / 1000);
  console.log(
    `idle connection at one beat in ${DEFAULT_BEAT_MS / 1000} s: ${print(perSecond, 2)} µs a ` +
      `second; 10,000 of them take ${print(perSecond * 10_000 / 1e4, 1)} % of a core`,
  );
}
