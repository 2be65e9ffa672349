/**
 * The chart of round-trip times.
 *
 * @module
 */

import uPlot from "uplot";
import type { Controller } from "../controller.ts";
import { byId, setDisabled, setText } from "../dom.ts";
import type { RoundTrip } from "../state.ts";
import { formatDuration, formatTick, formatTime } from "../text.ts";
import { type View, viewOf } from "./view.ts";

const HEIGHT_PX = 220;
/** The minimum span of the axes, in seconds and in milliseconds, so that a first point has room. */
const MIN_SPAN_S = 60;
const MIN_TOP_MS = 4;
const HEADROOM = 1.25;

export function roundTripsView(controller: Controller): View {
  const box = byId("chart", HTMLElement);
  const button = byId("measure", HTMLButtonElement);
  button.addEventListener("click", () => controller.check());
  const chart = new uPlot(optionsFor(box), [[], []], box);
  new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: HEIGHT_PX })).observe(
    box,
  );
  // The colours follow the system's scheme.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
  let drawn: readonly RoundTrip[] = [];
  return viewOf(["roundTrips", "client"], ({ roundTrips, client }) => {
    setDisabled(button, client !== "ready");
    if (roundTrips === drawn) return;
    drawn = roundTrips;
    chart.setData([roundTrips.map(({ at }) => at / 1000), roundTrips.map(({ ms }) => ms)]);
    summarize(roundTrips, box);
  });
}

/** The numbers, and a description for screen readers. */
function summarize(roundTrips: readonly RoundTrip[], box: HTMLElement): void {
  const sorted = roundTrips.map(({ ms }) => ms).sort((a, b) => a - b);
  const last = timeOr(roundTrips.at(-1)?.ms);
  const median = timeOr(sorted[Math.floor(sorted.length / 2)]);
  const longest = timeOr(sorted.at(-1));
  setText(byId("rtt-last", HTMLElement), last);
  setText(byId("rtt-median", HTMLElement), median);
  setText(byId("rtt-longest", HTMLElement), longest);
  setText(byId("rtt-count", HTMLElement), String(sorted.length));
  const label = `Round-trip times: last ${last}, median ${median}, longest ${longest}`;
  box.setAttribute("aria-label", sorted.length === 0 ? "Round-trip times: none yet" : label);
}

function timeOr(ms: number | undefined): string {
  return ms === undefined ? "–" : formatDuration(ms);
}

function optionsFor(box: HTMLElement): uPlot.Options {
  const colour = (name: string) => (): string => colourOf(box, name);
  const axis: uPlot.Axis = {
    stroke: colour("chart-axis"),
    grid: { stroke: colour("chart-grid"), width: 1 },
    ticks: { stroke: colour("chart-grid"), width: 1 },
    font: "12px ui-sans-serif, system-ui, sans-serif",
  };
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    // Room on the right for half of the last label.
    padding: [10, 32, 0, 0],
    scales: { x: { time: true, range: timeRange }, y: { range: (_, __, max) => [0, top(max)] } },
    axes: [{
      ...axis,
      space: 80,
      values: (_, ticks) => ticks.map((at) => formatTime(at * 1000).slice(0, 8)),
    }, {
      ...axis,
      size: 58,
      values: (_, ticks) => ticks.map(formatTick),
    }],
    series: [{}, {
      stroke: colour("chart-line"),
      width: 2,
      points: { show: true, size: 6, fill: colour("chart-line"), stroke: colour("chart-line") },
    }],
  };
}

/** The library would show a whole day around a single point. */
function timeRange({ data: [times] }: uPlot): uPlot.Range.MinMax {
  const end = times[times.length - 1] ?? Date.now() / 1000;
  return [Math.min(times[0] ?? end, end - MIN_SPAN_S), end];
}

function top(max: number | null): number {
  return Math.max(MIN_TOP_MS, (max ?? 0) * HEADROOM);
}

/** Reads a colour of the page from an unused element. */
function colourOf(box: HTMLElement, name: string): string {
  const sample = box.querySelector(`.${name}`);
  return sample === null ? "" : getComputedStyle(sample).color;
}
