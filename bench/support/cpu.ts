/**
 * Measures the processor time of other processes on Linux, by a subprocess, because Deno reads /proc only
 * with all permissions.
 *
 * @module
 */

import { pause } from "../../tests/conformance/support/wait.ts";

const SCRIPT = 'for pid; do echo "$(cat /proc/$pid/stat)"; cat /proc/$pid/task/*/schedstat; ' +
  "echo; done; getconf CLK_TCK";
/** The maximum difference between the sum over threads and the total in ticks, in microseconds. */
const ROUNDING_MICROS = 30_000;

/** User and system time of a process, in microseconds. */
interface Reading {
  /** Of all threads, also ended ones, to the precision of a tick. */
  readonly total: number;
  /** Of the current threads, exactly; `undefined` if Linux does not count it. */
  readonly threads: number | undefined;
}

async function read(pids: readonly number[]): Promise<readonly Reading[]> {
  const args = ["-c", SCRIPT, "sh", ...pids.map(String)];
  const { stdout } = await new Deno.Command("sh", { args, stderr: "null" }).output();
  const parts = new TextDecoder().decode(stdout).trimEnd().split("\n\n");
  const microsPerTick = 1e6 / Number(parts.pop());
  const readings = parts.map((part): Reading => {
    const [stat = "", ...threads] = part.split("\n");
    // The program's name is in parentheses and may contain anything; field 14 is the 12th after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const total = (Number(fields[11]) + Number(fields[12])) * microsPerTick;
    const nanos = threads.reduce((sum, line) => sum + Number(line.split(" ")[0]), 0);
    return { total, threads: threads.length === 0 ? undefined : nanos / 1000 };
  });
  if (readings.length !== pids.length || readings.some(({ total }) => Number.isNaN(total))) {
    throw new Error(`/proc does not tell the processor time of ${pids.join(", ")}`);
  }
  return readings;
}

/** The result of some work, and the processor time of each process. */
export interface Spent<T> {
  readonly result: T;
  /** Microseconds of each process, in the given order. */
  readonly micros: readonly number[];
  readonly seconds: number;
}

/** Measures the user and system time of the processes during `work`. */
export async function measureCpu<T>(
  pids: readonly number[],
  work: () => Promise<T>,
): Promise<Spent<T>> {
  const before = await read(pids);
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const after = await read(pids);
  const micros = after.map(({ total, threads }, index) => {
    const from = before[index] ?? { total: NaN, threads: NaN };
    const coarse = total - from.total;
    const fine = (threads ?? NaN) - (from.threads ?? NaN);
    // The sum over threads is exact, unless a thread has ended.
    return Math.abs(fine - coarse) <= ROUNDING_MICROS ? fine : coarse;
  });
  return { result, micros, seconds };
}

/** Measures processes, and subtracts their idle work. */
export class CpuMeter {
  /** The idle work of each process, in microseconds a second. */
  readonly idle: readonly number[];
  readonly #pids: readonly number[];

  private constructor(pids: readonly number[], idle: readonly number[]) {
    this.#pids = pids;
    this.idle = idle;
  }

  /** Measures the idle processes for `ms`. */
  static async calibrate(pids: readonly number[], ms: number): Promise<CpuMeter> {
    const { micros, seconds } = await measureCpu(pids, () => pause(ms));
    return new CpuMeter(pids, micros.map((each) => each / seconds));
  }

  /** Measures the processes during `work`. */
  async measure<T>(work: () => Promise<T>): Promise<Spent<T>> {
    const spent = await measureCpu(this.#pids, work);
    const micros = spent.micros.map((each, index) =>
      each - (this.idle[index] ?? NaN) * spent.seconds
    );
    return { ...spent, micros };
  }
}
