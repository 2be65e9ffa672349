/**
 * How much of a processor other processes have used, as Linux tells.
 *
 * By subprocess, because Deno reads /proc only with every permission there is.
 *
 * @module
 */

const SCRIPT = 'for pid; do echo "$(cat /proc/$pid/stat)"; cat /proc/$pid/task/*/schedstat; ' +
  "echo; done; getconf CLK_TCK";
/** How far the sum over the threads may be from the total that was rounded to ticks, in microseconds. */
const ROUNDING_MICROS = 30_000;

/** User and system time of a process since it began, in microseconds. */
interface Reading {
  /** Of all threads that there ever were, in ticks of the system. */
  readonly total: number;
  /** Of the threads that there are now, exactly; `undefined` where Linux does not count it. */
  readonly threads: number | undefined;
}

async function read(pids: readonly number[]): Promise<readonly Reading[]> {
  const args = ["-c", SCRIPT, "sh", ...pids.map(String)];
  const { stdout } = await new Deno.Command("sh", { args, stderr: "null" }).output();
  const parts = new TextDecoder().decode(stdout).trimEnd().split("\n\n");
  const microsPerTick = 1e6 / Number(parts.pop());
  const readings = parts.map((part): Reading => {
    const [stat = "", ...threads] = part.split("\n");
    // The name of the program stands in parentheses and may hold anything; field 14 is the 12th after it.
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

/** What a body of work came to, and what each process used meanwhile. */
export interface Spent<T> {
  /** What it came to. */
  readonly result: T;
  /** Microseconds of each process, in the order in which they were named. */
  readonly micros: readonly number[];
  /** How long it took, in seconds. */
  readonly seconds: number;
}

/** Does `work`, and says how much user and system time the processes `pids` used meanwhile. */
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
    // The threads say it exactly, unless one of them has ended: then the total knows better.
    return Math.abs(fine - coarse) <= ROUNDING_MICROS ? fine : coarse;
  });
  return { result, micros, seconds };
}

/** Processes whose idle work is known, and left out of what is measured. */
export class CpuMeter {
  /** What each process uses while nothing is asked of it, in microseconds a second. */
  readonly idle: readonly number[];
  readonly #pids: readonly number[];

  private constructor(pids: readonly number[], idle: readonly number[]) {
    this.#pids = pids;
    this.idle = idle;
  }

  /** Watches the processes for `ms`, in which nobody must ask anything of them. */
  static async calibrate(pids: readonly number[], ms: number): Promise<CpuMeter> {
    const { micros, seconds } = await measureCpu(pids, () => pause(ms));
    return new CpuMeter(pids, micros.map((each) => each / seconds));
  }

  /** Does `work`, and says what the processes used beyond their idle work. */
  async measure<T>(work: () => Promise<T>): Promise<Spent<T>> {
    const spent = await measureCpu(this.#pids, work);
    const micros = spent.micros.map((each, index) =>
      each - (this.idle[index] ?? NaN) * spent.seconds
    );
    return { ...spent, micros };
  }
}

/** Lets `ms` milliseconds pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
