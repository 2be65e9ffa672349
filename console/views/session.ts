/**
 * The protocol's state diagram with the current state, and the time until the next heartbeat.
 *
 * @module
 */

import { byId, make, setText } from "../dom.ts";
import { PHASE_MEANING, type SessionView } from "../session_view.ts";
import type { State } from "../state.ts";
import { formatCountdown, formatDuration, formatSpan } from "../text.ts";
import { type View, viewOf } from "./view.ts";

export function sessionView(): View {
  const states = [...byId("diagram", SVGSVGElement).querySelectorAll(".state")];
  return viewOf(["session"], ({ session }) => {
    const passed = new Set<string>(session.trail.map(({ phase }) => phase));
    for (const element of states) {
      const phase = element.getAttribute("data-phase") ?? "";
      element.classList.toggle("lit", phase === session.phase);
      element.classList.toggle("passed", phase !== session.phase && passed.has(phase));
    }
    const label = `States of a session. This one is ${nameOf(session)}.`;
    byId("diagram", SVGSVGElement).setAttribute("aria-label", label);
    setText(byId("session-meaning", HTMLElement), PHASE_MEANING[session.phase]);
    byId("session-trail", HTMLElement).replaceChildren(...trailOf(session));
  }, renderBeat);
}

function nameOf({ phase }: SessionView): string {
  return phase === "none" ? "not begun" : phase;
}

function trailOf({ trail }: SessionView): readonly HTMLElement[] {
  return trail.map(({ phase, at }, index) => {
    const before = trail[index - 1];
    const after = before === undefined ? "" : ` +${formatDuration(at - before.at)}`;
    return make("li", {}, phase, make("span", { class: "number" }, after));
  });
}

function renderBeat({ session, settings }: State, now: number): void {
  const { beatDueAt } = session;
  const intervalMs = session.intervalMs ?? settings?.heartbeatIntervalMs;
  const progress = byId("beat-progress", HTMLProgressElement);
  if (beatDueAt === undefined || intervalMs === undefined) {
    progress.value = 0;
    setText(byId("beat-left", HTMLElement), "comes once connected");
  } else {
    const left = Math.max(0, beatDueAt - now);
    progress.value = 1 - Math.min(1, left / intervalMs);
    setText(byId("beat-left", HTMLElement), `in ${formatCountdown(left)}`);
  }
  setText(byId("beat-hint", HTMLElement), beatHint(intervalMs));
}

function beatHint(intervalMs: number | undefined): string {
  if (intervalMs === undefined) return "";
  return `One every ${formatSpan(intervalMs)}; each wants an ACK before the next is due.`;
}
