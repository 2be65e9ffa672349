/**
 * The gateway's metrics, polled while the page is visible.
 *
 * @module
 */

import { fetchMetrics } from "../api.ts";
import { explainClose } from "../closes.ts";
import { byId, make, setNotice } from "../dom.ts";
import { pollWhileVisible } from "../poller.ts";
import { parsePrometheus, type Samples } from "../prometheus.ts";
import { answered, type Store } from "../state.ts";
import { formatDuration, messageOf } from "../text.ts";
import { type View, viewOf } from "./view.ts";

const POLL_MS = 2000;
const TIMEOUT_MS = 5000;

/** A number and its label. */
type Tile = readonly [title: string, value: string, more: string];

export function pollMetrics(store: Store): void {
  pollWhileVisible({
    isHidden: () => document.visibilityState === "hidden",
    onVisibility: (callback) => document.addEventListener("visibilitychange", callback),
    later: (callback) => setTimeout(callback, POLL_MS),
    poll: () => read(store),
  });
}

async function read(store: Store): Promise<void> {
  try {
    const samples = parsePrometheus(await fetchMetrics(AbortSignal.timeout(TIMEOUT_MS)));
    store.update({ ...answered(store.state), server: { samples, problem: undefined } });
  } catch (error) {
    const { samples } = store.state.server;
    const problem = `/metrics cannot be read. ${messageOf(error)}`;
    store.update({ server: { samples, problem } });
  }
}

export function serverView(): View {
  let drawn: Samples | undefined;
  return viewOf(["server"], ({ server: { samples, problem } }) => {
    const until = samples === undefined ? "" : " The numbers are the last that there were.";
    setNotice(
      byId("server-problem", HTMLElement),
      problem && `${problem}\nTried again every ${POLL_MS / 1000} s.${until}`,
    );
    if (samples === undefined || samples === drawn) return;
    drawn = samples;
    byId("server-facts", HTMLElement).replaceChildren(...tilesOf(samples).map(tileOf));
    renderCloses(samples);
  });
}

function tilesOf(samples: Samples): readonly Tile[] {
  const number = (name: string): number => sum(samples, name);
  const count = (name: string): string => number(name).toLocaleString("en");
  const phases = (samples.get("gateway_connections") ?? []).filter(({ value }) => value > 0);
  const beats = number("gateway_heartbeat_round_trip_seconds_count");
  const roundTripMs = 1000 * number("gateway_heartbeat_round_trip_seconds_sum") / beats;
  const delay = samples.get("gateway_event_loop_delay_recent_seconds")
    ?.find(({ labels }) => labels["percentile"] === "99");
  const megabytes = number("gateway_process_resident_memory_bytes") / 1e6;
  return [
    [
      "Connections",
      count("gateway_connections"),
      phases.map(({ labels, value }) => `${value} ${labels["phase"]}`).join(", ") || "none",
    ],
    ["Opened", count("gateway_connections_opened_total"), "since the start"],
    ["Published", count("gateway_messages_published_total"), "messages stored"],
    ["Delivered", count("gateway_messages_delivered_total"), "copies, as published"],
    ["Replayed", count("gateway_messages_replayed_total"), "copies, on resuming"],
    [
      "Heartbeats answered",
      beats.toLocaleString("en"),
      beats === 0 ? "none yet" : `after ${formatDuration(roundTripMs)} on average`,
    ],
    [
      "Timers run late by",
      delay === undefined ? "–" : formatDuration(1000 * delay.value),
      "or less, 99 times of 100",
    ],
    ["Memory", `${megabytes.toFixed(0)} MB`, "of the gateway's process"],
  ];
}

function tileOf([title, value, more]: Tile): HTMLElement {
  return make(
    "div",
    {},
    make("dt", {}, title),
    make(
      "dd",
      {},
      make("span", { class: "number big" }, value),
      make("span", { class: "hint" }, more),
    ),
  );
}

function renderCloses(samples: Samples): void {
  const closes = (samples.get("gateway_closes_total") ?? []).filter(({ value }) => value > 0);
  byId("closes", HTMLElement).hidden = closes.length === 0;
  byId("closes-empty", HTMLElement).hidden = closes.length > 0;
  const rows = closes
    .map(({ labels, value }) => ({ code: labels["code"] ?? "", value }))
    .sort((a, b) => a.code.localeCompare(b.code))
    .map(({ code, value }) => {
      const isPeer = code === "peer";
      const { name, when } = isPeer
        ? { name: "by the client", when: "it closed the connection, or was gone without a word" }
        : explainClose(Number(code));
      const head = make("th", { class: "number" }, isPeer ? "–" : code);
      head.scope = "row";
      const total = make("td", { class: "number count" }, value.toLocaleString("en"));
      return make("tr", {}, head, make("td", {}, name), make("td", {}, when), total);
    });
  byId("closes-rows", HTMLElement).replaceChildren(...rows);
}

function sum(samples: Samples, name: string): number {
  return (samples.get(name) ?? []).reduce((total, { value }) => total + value, 0);
}
