/**
 * The metrics of the gateway and their text for Prometheus. Registration and the table in
 * docs/reference.md ("Metrics") come from {@linkcode METRICS}.
 *
 * The hot path only adds to plain numbers; labels and text are made at a scrape.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { TokenRefusal } from "./ports.ts";
import { CloseCode, type CloseCodeValue, type OpName, type Phase } from "./protocol/mod.ts";

/** The reason for which a connection was refused. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** A key that `GATEWAY_…_PREVIOUS` makes acceptable beside another one. */
export type RotatedKey = (typeof ROTATED_KEYS)[number];

/** A frame from a client by name, or what is none. */
export type ReceivedName = OpName | "control" | "malformed";

/** The process that {@linkcode Metrics} describes; functions are called once a scrape. */
export interface MetricsOptions {
  readonly version: string;
  /** The runtime's name and version, such as `deno 2.9.6`. */
  readonly runtime: string;
  /** The transport that serves clients. */
  readonly transport?: string;
  readonly residentBytes: () => number;
  readonly droppedLogLines?: () => number;
  readonly refusedBodies?: () => number;
}

/** Labels of one series, by name. */
export type Labels = Readonly<Record<string, string>>;

/** A row of {@linkcode METRICS}. */
export interface MetricInfo {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels?: readonly string[];
  /** The values of its one label, if they are known before they occur; each starts at 0. */
  readonly values?: readonly string[];
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
}

const REFUSAL_REASONS = [
  "total",
  "per_address",
  "unidentified",
  "rate",
  "draining",
  "origin",
] as const;
const TOKEN_REFUSALS = [
  "not_yet_valid",
  "unknown_key",
  "expired",
  "invalid",
] as const satisfies readonly TokenRefusal[];
const ROTATED_KEYS = ["publish_key", "jwt_secret"] as const;
/** The phases in which a connection exists. */
const COUNTED_PHASES = [
  "unidentified",
  "verifying",
  "locating",
  "ready",
  "closing",
] as const satisfies readonly Phase[];
const CLIENT_FRAMES = [
  "Identify",
  "Heartbeat",
  "HeartbeatAck",
  "control",
  "malformed",
] as const satisfies readonly ReceivedName[];
const SERVER_FRAMES = [
  "Hello",
  "Ready",
  "Message",
  "Heartbeat",
  "HeartbeatAck",
] as const satisfies readonly OpName[];
/** Each from 0, because `increase()` misses the first value of a series that was not there. */
const CLOSES = [...Object.values(CloseCode).map(({ code }) => code), "peer"] as const;
const LOOP_DELAY_PERCENTILES = [50, 99, 100] as const;
/** Measurements that the percentiles of the event loop's delay look back on: 60 s of one each 20 ms. */
const LOOP_DELAY_WINDOW = 3000;

/** Every metric by its name. */
export const METRICS = {
  gateway_connections: {
    type: "gauge",
    labels: ["phase"],
    values: COUNTED_PHASES,
    help: "Open connections, by phase.",
  },
  gateway_connections_opened_total: { type: "counter", help: "WebSockets opened." },
  gateway_lingering_sockets: {
    type: "gauge",
    help: "Closed connections whose peer still holds the socket open.",
  },
  gateway_frames_in_total: {
    type: "counter",
    labels: ["op"],
    values: CLIENT_FRAMES,
    help: "Frames from clients, by name; control are pings and pongs.",
  },
  gateway_frames_out_total: {
    type: "counter",
    labels: ["op"],
    values: SERVER_FRAMES,
    help: "Frames to clients, by name.",
  },
  gateway_closes_total: {
    type: "counter",
    labels: ["code"],
    help: "Connections that ended, by close code, or peer.",
  },
  gateway_refused_total: {
    type: "counter",
    labels: ["reason"],
    values: REFUSAL_REASONS,
    help: "Connections refused.",
  },
  gateway_identifies_rejected_total: {
    type: "counter",
    labels: ["reason"],
    values: TOKEN_REFUSALS,
    help: "Tokens refused; not_yet_valid and unknown_key may pass by themselves.",
  },
  gateway_previous_key_uses_total: {
    type: "counter",
    labels: ["key"],
    values: ROTATED_KEYS,
    help: "Requests and tokens accepted with the previous key.",
  },
  gateway_messages_published_total: {
    type: "counter",
    help: "Messages accepted from backends.",
  },
  gateway_messages_delivered_total: {
    type: "counter",
    help: "Copies of messages delivered live.",
  },
  gateway_messages_replayed_total: {
    type: "counter",
    help: "Copies of messages delivered to connections that resumed.",
  },
  gateway_log_publish_failures_total: {
    type: "counter",
    help: "Publishes that could not be stored.",
  },
  gateway_heartbeat_round_trip_seconds: {
    type: "histogram",
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    help: "Time from a heartbeat of the gateway to its ACK.",
  },
  gateway_event_loop_delay_seconds: {
    type: "histogram",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    help: "How late timers of the process fire.",
  },
  gateway_event_loop_delay_recent_seconds: {
    type: "gauge",
    labels: ["percentile"],
    values: ["50", "99", "100"],
    help: "How late timers fired in the last minute; 100 is the latest.",
  },
  gateway_process_resident_memory_bytes: {
    type: "gauge",
    help: "Resident memory of the process.",
  },
  gateway_bugs_total: {
    type: "counter",
    help: "Internal errors; each is in the log.",
  },
  gateway_log_lines_dropped_total: {
    type: "counter",
    help: "Log lines not written: standard error is not read, or fails.",
  },
  gateway_bodies_refused_total: {
    type: "counter",
    help: "Request bodies refused because those in transit held too much.",
  },
  gateway_build_info: {
    type: "gauge",
    labels: ["version", "runtime", "transport"],
    help: "Always 1; the labels say what runs.",
  },
} as const satisfies Readonly<Record<string, MetricInfo>>;

/** Numbers by the value of a label, from 0. */
class Tally<K extends string | number> {
  readonly counts: Map<K, number>;

  constructor(keys: Iterable<K>) {
    this.counts = new Map(Array.from(keys, (key) => [key, 0]));
  }

  add(key: K, count: number): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + count);
  }
}

/** Reads a metric at a scrape: its value, or its values by that of its one label. */
type Read = () => number | ReadonlyMap<string | number, number>;

/** The metrics of one gateway, on a registry of their own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #phases = new Tally<Phase>(COUNTED_PHASES);
  readonly #framesIn = new Tally<ReceivedName>(CLIENT_FRAMES);
  readonly #framesOut = new Tally<OpName>(SERVER_FRAMES);
  readonly #closes = new Tally<CloseCodeValue | "peer">(CLOSES);
  readonly #refusals = new Tally<RefusalReason>(REFUSAL_REASONS);
  readonly #identifiesRejected = new Tally<TokenRefusal>(TOKEN_REFUSALS);
  readonly #previousKeyUses = new Tally<RotatedKey>(ROTATED_KEYS);
  readonly #loopDelays = new Float64Array(LOOP_DELAY_WINDOW);
  readonly #roundTrips: Histogram;
  readonly #loopDelayHistogram: Histogram;
  #loopDelayCount = 0;
  #opened = 0;
  #lingering = 0;
  #published = 0;
  #delivered = 0;
  #replayed = 0;
  #logFailures = 0;
  #bugs = 0;

  constructor(options: MetricsOptions) {
    const { version, runtime, transport = "none" } = options;
    const zero = () => 0;
    this.#collect("gateway_connections", () => this.#phases.counts);
    this.#collect("gateway_connections_opened_total", () => this.#opened);
    this.#collect("gateway_lingering_sockets", () => this.#lingering);
    this.#collect("gateway_frames_in_total", () => this.#framesIn.counts);
    this.#collect("gateway_frames_out_total", () => {
      // Counted once where every delivery passes.
      return this.#framesOut.counts.set("Message", this.#delivered + this.#replayed);
    });
    this.#collect("gateway_closes_total", () => this.#closes.counts);
    this.#collect("gateway_refused_total", () => this.#refusals.counts);
    this.#collect("gateway_identifies_rejected_total", () => this.#identifiesRejected.counts);
    this.#collect("gateway_previous_key_uses_total", () => this.#previousKeyUses.counts);
    this.#collect("gateway_messages_published_total", () => this.#published);
    this.#collect("gateway_messages_delivered_total", () => this.#delivered);
    this.#collect("gateway_messages_replayed_total", () => this.#replayed);
    this.#collect("gateway_log_publish_failures_total", () => this.#logFailures);
    this.#roundTrips = this.#histogram("gateway_heartbeat_round_trip_seconds");
    this.#loopDelayHistogram = this.#histogram("gateway_event_loop_delay_seconds");
    this.#collect("gateway_event_loop_delay_recent_seconds", () => this.#loopDelayPercentiles());
    this.#collect("gateway_process_resident_memory_bytes", options.residentBytes);
    this.#collect("gateway_bugs_total", () => this.#bugs);
    this.#collect("gateway_log_lines_dropped_total", options.droppedLogLines ?? zero);
    this.#collect("gateway_bodies_refused_total", options.refusedBodies ?? zero);
    new Gauge(this.#configOf("gateway_build_info")).set({ version, runtime, transport }, 1);
  }

  /** A session went from one phase to another; a new connection comes from `new`. */
  phaseChanged(from: Phase, to: Phase): void {
    if (from === to) return;
    if (from === "new") this.#opened++;
    else this.#phases.add(from, -1);
    if (to !== "closed") this.#phases.add(to, 1);
  }

  frameIn(op: ReceivedName): void {
    this.#framesIn.add(op, 1);
  }

  frameOut(op: OpName): void {
    this.#framesOut.add(op, 1);
  }

  /** A connection ended: by a close of the gateway with this code, or without one, by the peer. */
  closed(code: CloseCodeValue | "peer"): void {
    this.#closes.add(code, 1);
  }

  refused(reason: RefusalReason): void {
    this.#refusals.add(reason, 1);
  }

  /** The number of sockets that outlive their grace changed by `delta`. */
  lingering(delta: number): void {
    this.#lingering += delta;
  }

  /** `count` messages were accepted from the app's backend. */
  published(count: number): void {
    this.#published += count;
  }

  /** `count` copies of messages were handed to connections as they were published. */
  delivered(count: number): void {
    this.#delivered += count;
  }

  /** `count` copies of missed messages were handed to connections that resumed. */
  replayed(count: number): void {
    this.#replayed += count;
  }

  /** A publish was not stored, because the log failed. */
  logPublishFailed(): void {
    this.#logFailures++;
  }

  identifyRejected(reason: TokenRefusal): void {
    this.#identifiesRejected.add(reason, 1);
  }

  /** A heartbeat was acknowledged after `ms` milliseconds. */
  roundTrip(ms: number): void {
    this.#roundTrips.observe(ms / 1000);
  }

  previousKeyUsed(key: RotatedKey): void {
    this.#previousKeyUses.add(key, 1);
  }

  /** A timer fired `ms` milliseconds late. */
  eventLoopDelay(ms: number): void {
    this.#loopDelays[this.#loopDelayCount++ % LOOP_DELAY_WINDOW] = ms;
    this.#loopDelayHistogram.observe(ms / 1000);
  }

  /** An error came up that neither a peer nor an operational failure explains. */
  bug(): void {
    this.#bugs++;
  }

  /** Everything, in Prometheus' text format 0.0.4. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /**
   * The value of one series as a scrape would give it, for tests; 0 for a series that has none yet.
   *
   * @param name the name in the text, `_count` and `_sum` of a histogram included
   * @throws {TypeError} if there is no metric of that name
   */
  async value(name: string, labels: Labels = {}): Promise<number> {
    const base = name.replace(/_(?:count|sum|bucket)$/, "");
    const metric = this.#registry.getSingleMetric(name) ?? this.#registry.getSingleMetric(base);
    if (metric === undefined) throw new TypeError(`no metric ${name}`);
    const wanted = Object.entries(labels);
    const { values } = await metric.get();
    for (const series of values) {
      // Only the series of histograms carry their own names.
      const seriesName = "metricName" in series ? series.metricName : base;
      const has = new Map(Object.entries(series.labels).map(([key, v]) => [key, String(v)]));
      if (seriesName !== name && base !== name) continue;
      if (has.size === wanted.length && wanted.every(([key, v]) => has.get(key) === v)) {
        return series.value;
      }
    }
    return 0;
  }

  /** Percentiles of the last minute's event loop delays, in seconds; 0 before the first. */
  #loopDelayPercentiles(): ReadonlyMap<number, number> {
    const seen = this.#loopDelays.slice(0, Math.min(this.#loopDelayCount, LOOP_DELAY_WINDOW))
      .sort();
    const percentile = (p: number) => (seen[Math.ceil(p * seen.length / 100) - 1] ?? 0) / 1000;
    return new Map(LOOP_DELAY_PERCENTILES.map((p) => [p, percentile(p)]));
  }

  #configOf(name: keyof typeof METRICS) {
    const { help, labels = [] }: MetricInfo = METRICS[name];
    return { name, help, labelNames: labels, registers: [this.#registry] };
  }

  #histogram(name: keyof typeof METRICS): Histogram {
    const { buckets = [] }: MetricInfo = METRICS[name];
    return new Histogram({ ...this.#configOf(name), buckets: [...buckets] });
  }

  /** Registers a counter or a gauge that is read at each scrape. */
  #collect(name: keyof typeof METRICS, read: Read): void {
    const { type, labels: [label = ""] = [] }: MetricInfo = METRICS[name];
    const collect = () => {
      const value = read();
      metric.reset();
      if (typeof value === "number") metric.inc(value);
      else value.forEach((count, key) => metric.inc({ [label]: key }, count));
    };
    const config = { ...this.#configOf(name), collect };
    const metric: Counter | Gauge = type === "counter" ? new Counter(config) : new Gauge(config);
  }
}
