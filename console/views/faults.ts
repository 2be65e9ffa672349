/**
 * Buttons for what can go wrong, each with what will happen, and how long it takes from here.
 *
 * @module
 */

import { CloseCode } from "../../gateway/protocol/codes.ts";
import type { Controller } from "../controller.ts";
import { byId, onSubmit, setDisabled, setNotice, setText } from "../dom.ts";
import type { State } from "../state.ts";
import { CUT } from "../tap.ts";
import { formatCountdown, formatSpan } from "../text.ts";
import { LONG_INTERVAL_MS } from "./session.ts";
import { type View, viewOf } from "./view.ts";

const NORMAL = 1000;

const SHOWN = ["client", "faults", "identity", "settings", "session", "close"] as const;
type Shown = Pick<State, typeof SHOWN[number]>;

/** Draws the buttons, and does what they say. */
export function faultsView(controller: Controller): View {
  byId("mute", HTMLButtonElement).addEventListener("click", () => controller.stopAnswering());
  byId("away", HTMLButtonElement).addEventListener("click", () => controller.goAway());
  byId("back", HTMLButtonElement).addEventListener("click", () => controller.comeBack());
  byId("again", HTMLButtonElement).addEventListener("click", () => {
    controller.connect();
    // The button goes away, and the keyboard is not to go with it.
    byId("raw-text", HTMLInputElement).focus();
  });
  const raw = byId("raw-text", HTMLInputElement);
  onSubmit(byId("raw-form", HTMLFormElement), () => controller.sendRaw(raw.value));
  const seconds = byId("expire-seconds", HTMLInputElement);
  onSubmit(byId("expire-form", HTMLFormElement), () => {
    void controller.expire(seconds.valueAsNumber);
  });
  return viewOf(SHOWN, render, tick);
}

function render(state: Shown): void {
  const { client, faults, identity, settings, session, close } = state;
  renderOutcome(state);
  const isReady = client === "ready";
  setDisabled(byId("mute", HTMLButtonElement), !isReady || faults.isMute);
  setDisabled(byId("away", HTMLButtonElement), !isReady);
  setDisabled(byId("back", HTMLButtonElement), faults.awaySince === undefined);
  setDisabled(byId("raw", HTMLButtonElement), !isReady);
  const canExpire = identity?.from !== "pasted";
  setDisabled(byId("expire", HTMLButtonElement), !isReady || !canExpire || faults.isExpiring);
  // Whatever the gateway ended for good; 1000 is the page's own.
  const isOver = client === "closed" && close !== undefined && close.explained.code !== NORMAL;
  byId("again", HTMLElement).hidden = !isOver;
  setText(
    byId("mute-text", HTMLElement),
    muteText(session.intervalMs ?? settings?.heartbeatIntervalMs),
  );
  byId("expire-note", HTMLElement).hidden = canExpire;
}

/** Below each button, what it led to, as long as that is how the last connection ended. */
function renderOutcome({ faults, close }: Shown): void {
  const code = close?.explained.code;
  const outcomes: readonly (readonly [string, boolean])[] = [
    ["mute-outcome", code === CloseCode.HeartbeatTimeout.code],
    ["away-outcome", close?.reason === CUT && faults.awaySince === undefined],
    ["raw-outcome", code === CloseCode.Malformed.code],
    ["expire-outcome", code === CloseCode.IdentifyFailed.code],
  ];
  for (const [id, isShown] of outcomes) byId(id, HTMLElement).hidden = !isShown;
}

function muteText(intervalMs: number | undefined): string {
  const text = "The client looks alive, but its ACKs stay here. " +
    "When one is missing as the next heartbeat is due, the gateway closes with 4002; " +
    "the client connects again and answers.";
  if (intervalMs === undefined) return text;
  const took = ` That takes ${formatSpan(intervalMs)} to ${formatSpan(2 * intervalMs)}.`;
  return intervalMs <= LONG_INTERVAL_MS
    ? text + took
    : `${text}${took} With --heartbeat-interval-ms=3000 it takes 6\u00a0s at most.`;
}

function tick({ faults, session }: State, now: number): void {
  setNotice(byId("mute-status", HTMLElement), faults.isMute ? muteStatus(session, now) : undefined);
  const { awaySince } = faults;
  setNotice(
    byId("away-status", HTMLElement),
    awaySince === undefined
      ? undefined
      : `Away for ${formatCountdown(now - awaySince)}. Publish something now, and come back.`,
  );
  const { expiresAt } = session;
  setNotice(
    byId("expire-status", HTMLElement),
    faults.isExpiring && expiresAt !== undefined
      ? `Closed with 4003 in ${formatCountdown(expiresAt - now)}.`
      : undefined,
  );
}

function muteStatus(
  { timeoutAt, beatDueAt, intervalMs = 0 }: State["session"],
  now: number,
): string {
  if (timeoutAt !== undefined) {
    return `A heartbeat is unanswered. Closed with 4002 in ${formatCountdown(timeoutAt - now)}.`;
  }
  const left = (beatDueAt ?? now) + intervalMs - now;
  return `No heartbeat is answered. Closed with 4002 in ${formatCountdown(left)}.`;
}
