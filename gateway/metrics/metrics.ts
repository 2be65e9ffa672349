/**
 * Counts what happens, and writes the metrics of `table.ts` as text for Prometheus.
 *
 * The hot path only adds to plain numbers; labels and text are made at a scrape.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import {
  CLIENT_FRAMES,
  CLOSES,
  COUNTED_PHASES,
  LOOP_DELAY_PERCENTILES,
  type MetricInfo,
  METRICS,
  type ReceivedName,
  REFUSAL_REASONS,
  type RefusalReason,
  ROTATED_KEYS,
  type RotatedKey,
  SERVER_FRAMES,
  SIGNAL_DROPS,
  type SignalDrop,
  TOKEN_REFUSALS,
} from "./table.ts";
import type { TokenRefusal } from "../ports.ts";
import type { CloseCodeValue, OpName, Phase } from "../protocol/mod.ts";

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

/** Measurements that the percentiles of the event loop's delay look back on: 60 s of one each 20 ms. */
const LOOP_DELAY_WINDOW = 3000;

/** The webhooks, as a scrape reads them. */
export interface WebhookBacklog {
  /** Number of users that wait. */
  readonly waiting: number;
  /** Time for which the first of them has waited, in milliseconds. */
  readonly oldestMs: number;
}

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
  readonly #signalsDropped = new Tally<SignalDrop>(SIGNAL_DROPS);
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
  #signalsPublished = 0;
  #logFailures = 0;
  #bugs = 0;
  #webhooksSent = 0;
  #webhookFailures = 0;
  #webhooks: WebhookBacklog = { waiting: 0, oldestMs: 0 };

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
    this.#collect("gateway_signals_published_total", () => this.#signalsPublished);
    this.#collect("gateway_signals_dropped_total", () => this.#signalsDropped.counts);
    this.#collect("gateway_log_publish_failures_total", () => this.#logFailures);
    this.#roundTrips = this.#histogram("gateway_heartbeat_round_trip_seconds");
    this.#loopDelayHistogram = this.#histogram("gateway_event_loop_delay_seconds");
    this.#collect("gateway_event_loop_delay_recent_seconds", () => this.#loopDelayPercentiles());
    this.#collect("gateway_process_resident_memory_bytes", options.residentBytes);
    this.#collect("gateway_bugs_total", () => this.#bugs);
    this.#collect("gateway_log_lines_dropped_total", options.droppedLogLines ?? zero);
    this.#collect("gateway_bodies_refused_total", options.refusedBodies ?? zero);
    this.#collect("gateway_webhooks_sent_total", () => this.#webhooksSent);
    this.#collect("gateway_webhook_failures_total", () => this.#webhookFailures);
    this.#collect("gateway_webhook_waiting_users", () => this.#webhooks.waiting);
    this.#collect("gateway_webhook_oldest_seconds", () => this.#webhooks.oldestMs / 1000);
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

  frameOut(op: OpName, count = 1): void {
    this.#framesOut.add(op, count);
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

  /** `count` signals were accepted from the app's backend. */
  signalsPublished(count: number): void {
    this.#signalsPublished += count;
  }

  /** `count` signals were dropped, or, for slow readers, copies of signals. */
  signalsDropped(reason: SignalDrop, count: number): void {
    this.#signalsDropped.add(reason, count);
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

  /** The backend has taken a webhook. */
  webhookSent(): void {
    this.#webhooksSent++;
  }

  /** An attempt to send a webhook failed. */
  webhookFailed(): void {
    this.#webhookFailures++;
  }

  /** Reads `backlog` at each scrape. */
  watchWebhooks(backlog: WebhookBacklog): void {
    this.#webhooks = backlog;
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
