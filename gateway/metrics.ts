/**
 * What the gateway counts, and the text that Prometheus scrapes (docs/operations.md, "Metrics").
 *
 * Whatever happens for each frame or each delivery only adds to a plain number here; labels and text
 * are made when somebody scrapes. Owns no clock and no timer: whoever measures a time hands it in.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { TokenRefusal } from "./ports.ts";
import type { CloseCodeValue, OpName, Phase } from "./protocol/mod.ts";
import { Tally } from "./tally.ts";

/** Why a connection was not let in. */
export type RefusalReason =
  | "total"
  | "per_address"
  | "unidentified"
  | "rate"
  | "draining"
  | "origin";

export interface MetricsOptions {
  /** The gateway's version. */
  readonly version: string;
  /** The runtime's name and version, such as `deno 2.9.6`. */
  readonly runtime: string;
  /** The transport that serves clients. */
  readonly transport?: string;
  /** Resident memory of the process in bytes; asked once a scrape. */
  readonly residentBytes: () => number;
  /** How many log lines could not be written; asked once a scrape. */
  readonly droppedLogLines?: () => number;
  /** How many request bodies there was no room for; asked once a scrape. */
  readonly refusedBodies?: () => number;
}

/** Labels of one series, by name. */
export type Labels = Readonly<Record<string, string>>;

const REFUSAL_REASONS: readonly RefusalReason[] = [
  "total",
  "per_address",
  "unidentified",
  "rate",
  "draining",
  "origin",
];
const TOKEN_REFUSALS: readonly TokenRefusal[] = [
  "not_yet_valid",
  "unknown_key",
  "expired",
  "invalid",
];
/** The phases in which a connection exists. */
const COUNTED_PHASES: readonly Phase[] = [
  "unidentified",
  "verifying",
  "locating",
  "ready",
  "closing",
];
/** What a client sent: a frame by name, or what is none. */
export type ReceivedName = OpName | "control" | "malformed";

const CLIENT_FRAMES: readonly ReceivedName[] = [
  "Identify",
  "Heartbeat",
  "HeartbeatAck",
  "control",
  "malformed",
];
const SERVER_FRAMES: readonly OpName[] = ["Hello", "Ready", "Message", "Heartbeat", "HeartbeatAck"];
const ROUND_TRIP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LOOP_DELAY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const LOOP_DELAY_QUANTILES = [0.5, 0.99, 1];
/** Measurements that the quantiles of the event loop's delay look back on: 60 s of one each 20 ms. */
const LOOP_DELAY_WINDOW = 3000;

/** The counters of one gateway, on a registry of its own. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #phases = new Tally<Phase>(COUNTED_PHASES);
  readonly #framesIn = new Tally<ReceivedName>(CLIENT_FRAMES);
  readonly #framesOut = new Tally<OpName>(SERVER_FRAMES);
  readonly #closes = new Tally<CloseCodeValue | "peer">([]);
  readonly #refusals = new Tally<RefusalReason>(REFUSAL_REASONS);
  readonly #identifiesRejected = new Tally<TokenRefusal>(TOKEN_REFUSALS);
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
    this.#registerConnections();
    this.#registerMessages();
    this.#registerProcess(options);
    this.#roundTrips = new Histogram({
      name: "gateway_heartbeat_round_trip_seconds",
      help: "Time from a heartbeat of the gateway to its ACK.",
      buckets: ROUND_TRIP_BUCKETS,
      registers: [this.#registry],
    });
    this.#loopDelayHistogram = new Histogram({
      name: "gateway_event_loop_delay_seconds",
      help: "How late timers of the process fire.",
      buckets: LOOP_DELAY_BUCKETS,
      registers: [this.#registry],
    });
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

  /** A connection was not let in. */
  refused(reason: RefusalReason): void {
    this.#refusals.add(reason, 1);
  }

  /** So many more (or fewer, if negative) sockets still exist after their grace has passed. */
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

  /** A publish was not kept, because the log failed. */
  logPublishFailed(): void {
    this.#logFailures++;
  }

  /** A token was refused. */
  identifyRejected(reason: TokenRefusal): void {
    this.#identifiesRejected.add(reason, 1);
  }

  /** A heartbeat was acknowledged after `ms` milliseconds. */
  roundTrip(ms: number): void {
    this.#roundTrips.observe(ms / 1000);
  }

  /** A timer fired `ms` milliseconds late. */
  eventLoopDelay(ms: number): void {
    this.#loopDelays[this.#loopDelayCount++ % LOOP_DELAY_WINDOW] = ms;
    this.#loopDelayHistogram.observe(ms / 1000);
  }

  /** An internal error came up that no peer and no operation explains. */
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

  /** Quantile `q` (0 to 1) of the last minute's event loop delays, in seconds; 0 before the first. */
  #loopDelayQuantiles(): readonly number[] {
    const seen = this.#loopDelays.slice(0, Math.min(this.#loopDelayCount, LOOP_DELAY_WINDOW))
      .sort();
    return LOOP_DELAY_QUANTILES.map((q) => (seen[Math.ceil(q * seen.length) - 1] ?? 0) / 1000);
  }

  #registerConnections(): void {
    this.#tallyGauge("gateway_connections", "Open connections, by phase.", {
      label: "phase",
      tally: this.#phases,
    });
    this.#counter(
      "gateway_connections_opened_total",
      "WebSockets opened.",
      () => this.#opened,
    );
    this.#gauge(
      "gateway_lingering_sockets",
      "Closed connections whose peer still holds the socket open.",
      () => this.#lingering,
    );
    this.#tallyCounter("gateway_frames_in_total", "Frames from clients; control: pings, pongs.", {
      label: "op",
      tally: this.#framesIn,
    });
    this.#tallyCounter("gateway_frames_out_total", "Frames to clients, by name.", {
      label: "op",
      tally: this.#framesOut,
      // Counted once where every delivery passes.
      refresh: () => this.#framesOut.set("Message", this.#delivered + this.#replayed),
    });
    this.#tallyCounter("gateway_closes_total", "Connections that ended, by close code, or peer.", {
      label: "code",
      tally: this.#closes,
    });
    this.#tallyCounter("gateway_refused_total", "Connections refused.", {
      label: "reason",
      tally: this.#refusals,
    });
    this.#tallyCounter("gateway_identifies_rejected_total", "Tokens refused.", {
      label: "reason",
      tally: this.#identifiesRejected,
    });
  }

  #registerMessages(): void {
    this.#counter(
      "gateway_messages_published_total",
      "Messages accepted from backends.",
      () => this.#published,
    );
    this.#counter(
      "gateway_messages_delivered_total",
      "Copies of messages delivered live.",
      () => this.#delivered,
    );
    this.#counter(
      "gateway_messages_replayed_total",
      "Copies of messages delivered to connections that resumed.",
      () => this.#replayed,
    );
    this.#counter(
      "gateway_log_publish_failures_total",
      "Publishes that could not be stored.",
      () => this.#logFailures,
    );
  }

  #registerProcess(
    {
      version,
      runtime,
      transport = "none",
      residentBytes,
      droppedLogLines = () => 0,
      refusedBodies = () => 0,
    }: MetricsOptions,
  ): void {
    const loopDelay: Gauge<"quantile"> = new Gauge({
      name: "gateway_event_loop_delay_recent_seconds",
      help: "How late timers fired in the last minute; quantile 1 is the greatest.",
      labelNames: ["quantile"],
      registers: [this.#registry],
      collect: () =>
        this.#loopDelayQuantiles().forEach((value, i) =>
          loopDelay.set({ quantile: String(LOOP_DELAY_QUANTILES[i]) }, value)
        ),
    });
    this.#gauge(
      "gateway_process_resident_memory_bytes",
      "Resident memory of the process.",
      residentBytes,
    );
    this.#counter(
      "gateway_bugs_total",
      "Internal errors; each is in the log.",
      () => this.#bugs,
    );
    this.#counter(
      "gateway_log_lines_dropped_total",
      "Log lines not written: standard error is not read, or fails.",
      droppedLogLines,
    );
    this.#counter(
      "gateway_bodies_refused_total",
      "Request bodies refused because those in transit held too much.",
      refusedBodies,
    );
    new Gauge({
      name: "gateway_build_info",
      help: "Always 1; the labels say what runs.",
      labelNames: ["version", "runtime", "transport"],
      registers: [this.#registry],
    }).set({ version, runtime, transport }, 1);
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  #counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  #tallyGauge<K extends string | number>(name: string, help: string, by: By<K>): void {
    new Gauge({
      name,
      help,
      labelNames: [by.label],
      registers: [this.#registry],
      collect() {
        by.tally.each((key, count) => this.set({ [by.label]: key }, count));
      },
    });
  }

  #tallyCounter<K extends string | number>(name: string, help: string, by: By<K>): void {
    new Counter({
      name,
      help,
      labelNames: [by.label],
      registers: [this.#registry],
      collect() {
        this.reset();
        by.refresh?.();
        by.tally.each((key, count) => this.inc({ [by.label]: key }, count));
      },
    });
  }
}

/** A tally and the label that tells its series apart. */
interface By<K extends string | number> {
  readonly label: string;
  readonly tally: Tally<K>;
  /** Called before it is read. */
  readonly refresh?: () => void;
}
