/**
 * The scorecard as one HTML page, with all that happened in each failed check.
 *
 * @module
 */

import type { Verdict } from "../check.ts";
import type { WireEvent } from "../wire.ts";
import { escapeMarkup } from "./markup.ts";
import { count } from "./scorecard.ts";

/** Longest text of an event that is shown. */
const MAX_TEXT = 400;
/** Most events of a check that are shown: the first and the last half of them. */
const MAX_EVENTS = 200;

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --fail: #c22; --pass: #197a3c; --soft: #8881; }
@media (prefers-color-scheme: dark) { :root { --fail: #ff7b72; --pass: #56d364; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
h1 code, p code { overflow-wrap: anywhere; }
.score { font-size: 1.2rem; }
.card { border: 1px solid var(--line); border-radius: .4rem; padding: .75rem 1rem; margin: 1rem 0; }
.card h3 { margin: 0; font-size: 1rem; color: var(--fail); }
.card p { margin: .4rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
td, th { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid var(--line); }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.text { font-family: ui-monospace, monospace; overflow-wrap: anywhere; min-width: 18rem; }
tr.client { background: var(--soft); }
.pass { color: var(--pass); } .fail { color: var(--fail); font-weight: 600; }
`;

export function toHtml(client: string, verdicts: readonly Verdict[]): string {
  const failed = verdicts.filter(({ result }) => result === "fail");
  const counts =
    `${count(verdicts, "pass")} of ${verdicts.length} passed, ${failed.length} failed, ` +
    `${count(verdicts, "skip")} skipped`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>certify: ${escapeMarkup(client)}</title>
<style>${STYLE}</style>
<h1>Scorecard of <code>${escapeMarkup(client)}</code></h1>
<p class="score">${counts}</p>
${failed.map(card).join("\n")}
<h2>All checks</h2>
<div class="scroll"><table>
<tr><th>Check</th><th>Result</th><th>Rule</th><th>Section of docs/protocol.md</th></tr>
${verdicts.map(row).join("\n")}
</table></div>
</html>
`;
}

function card({ check, detail, events }: Verdict): string {
  return `<section class="card" id="${check.id}">
<h3>${check.id}</h3>
<p>${prose(check.rule)}</p>
<p><strong>${escapeMarkup(detail)}</strong></p>
<p>Hint: ${prose(check.hint)} See docs/protocol.md, “${escapeMarkup(check.section)}”.</p>
<details><summary>Frames and other events</summary>
<div class="scroll"><table>
<tr><th>ms</th><th>Connection</th><th>Event</th><th>Text</th></tr>
${shown(events).map(eventRow).join("\n")}
</table></div></details>
</section>`;
}

/** Escaped, with `code` as code. */
function prose(text: string): string {
  return escapeMarkup(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function shown(events: readonly WireEvent[]): readonly WireEvent[] {
  if (events.length <= MAX_EVENTS) return events;
  const half = MAX_EVENTS / 2;
  const text = `${events.length - MAX_EVENTS} events are left out here`;
  const atMs = events[half]?.atMs ?? 0;
  return [
    ...events.slice(0, half),
    { atMs, connection: "", event: "…", text },
    ...events.slice(-half),
  ];
}

function eventRow({ atMs, connection, event, text }: WireEvent): string {
  const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  const name = event === "client" ? ' class="client"' : "";
  return `<tr${name}><td class="number">${Math.round(atMs)}</td><td>${connection}</td>` +
    `<td>${escapeMarkup(event)}</td><td class="text">${escapeMarkup(short)}</td></tr>`;
}

function row({ check, result, detail }: Verdict): string {
  const id = result === "fail" ? `<a href="#${check.id}">${check.id}</a>` : check.id;
  const why = result === "skip" ? `: ${escapeMarkup(detail)}` : "";
  return `<tr><td>${id}</td><td class="${result}">${result}${why}</td>` +
    `<td>${prose(check.rule)}</td><td>${escapeMarkup(check.section)}</td></tr>`;
}
