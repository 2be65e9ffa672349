/**
 * The table of metrics: names, labels and help. `metrics.ts` registers them; the table in docs/reference.md
 * ("Metrics") is printed from it. Data only.
 *
 * @module
 */

import type { TokenRefusal } from "../ports.ts";
import { CloseCode, type OpName, type Phase } from "../protocol/mod.ts";

/** The reason for which a connection was refused. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** A key that `GATEWAY_…_PREVIOUS` makes acceptable beside another one. */
export type RotatedKey = (typeof ROTATED_KEYS)[number];

/** The reason for which signals were dropped. */
export type SignalDrop = (typeof SIGNAL_DROPS)[number];

/** A frame from a client by name, or what is none. */
export type ReceivedName = OpName | "control" | "malformed";

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

export const REFUSAL_REASONS = [
  "total",
  "per_address",
  "unidentified",
  "rate",
  "draining",
  "origin",
] as const;
export const TOKEN_REFUSALS = [
  "not_yet_valid",
  "unknown_key",
  "expired",
  "invalid",
  "revoked",
] as const satisfies readonly TokenRefusal[];
export const ROTATED_KEYS = ["publish_key", "jwt_secret"] as const;
/** The phases in which a connection exists. */
export const COUNTED_PHASES = [
  "unidentified",
  "verifying",
  "locating",
  "ready",
  "closing",
] as const satisfies readonly Phase[];
export const CLIENT_FRAMES = [
  "Identify",
  "Heartbeat",
  "HeartbeatAck",
  "control",
  "malformed",
] as const satisfies readonly ReceivedName[];
export const SERVER_FRAMES = [
  "Hello",
  "Ready",
  "Message",
  "Signal",
  "Heartbeat",
  "HeartbeatAck",
] as const satisfies readonly OpName[];
/** The reasons for which signals are dropped. */
export const SIGNAL_DROPS = ["overloaded", "late", "slow_reader"] as const;
/** Each from 0, because `increase()` misses the first value of a series that was not there. */
export const CLOSES = [...Object.values(CloseCode).map(({ code }) => code), "peer"] as const;
export const LOOP_DELAY_PERCENTILES = [50, 99, 100] as const;
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
  gateway_signals_published_total: {
    type: "counter",
    help: "Signals accepted from backends.",
  },
  gateway_signals_dropped_total: {
    type: "counter",
    labels: ["reason"],
    values: SIGNAL_DROPS,
    help: "Signals dropped: too many waited, or the log was late; slow_reader counts copies.",
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
  gateway_webhooks_sent_total: { type: "counter", help: "Webhooks that the backend has taken." },
  gateway_webhook_failures_total: {
    type: "counter",
    help: "Attempts to send a webhook that failed; each is repeated.",
  },
  gateway_webhook_waiting_users: {
    type: "gauge",
    help: "Users whose state the backend has still to be told by webhook.",
  },
  gateway_webhook_oldest_seconds: {
    type: "gauge",
    help: "Time for which the first of these users has waited.",
  },
  gateway_build_info: {
    type: "gauge",
    labels: ["version", "runtime", "transport"],
    help: "Always 1; the labels say what runs.",
  },
} as const satisfies Readonly<Record<string, MetricInfo>>;
