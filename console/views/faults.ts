/**
 * The buttons that cause faults, with a prediction of each result and its time.
 *
 * @module
 */

import { CloseCode } from "../../gateway/protocol/codes.ts";
import type { Controller } from "../controller.ts";
import { byId, onSubmit, setDisabled, setNotice, setText } from "../dom.ts";
import type { State } from "../state.ts";
import { TERMINATED_REASON } from "../tap.ts";
import { formatCountdown, formatSpan, plural } from "../text.ts";
import { publishKeyOf } from "./publish.ts";
import { type View, viewOf } from "./view.ts";

const NORMAL = 1000;
/** A longer heartbeat interval is too long to wait for. */
const QUICK_INTERVAL_MS = 3000;

const SHOWN = [
  "client",
  "faults",
  "identity",
  "settings",
  "close",
  "disconnected",
  "disconnectProblem",
] as const;
type Shown = Pick<State, typeof SHOWN[number]>;

export function faultsView(controller: Controller): View {
  let settings: State["settings"];
  const quick = byId("quick", HTMLInputElement);
  quick.addEventListener("change", () => renderMuteText(settings));
  byId("mute", HTMLButtonElement).addEventListener("click", () => {
    controller.stopAnswering(isQuick(settings) ? QUICK_INTERVAL_MS : undefined);
  });
  byId("away", HTMLButtonElement).addEventListener("click", () => controller.goAway());
  byId("back", HTMLButtonElement).addEventListener("click", () => controller.comeBack());
  byId("again", HTMLButtonElement).addEventListener("click", () => controller.connect());
  byId("disconnect-user", HTMLButtonElement).addEventListener("click", () => {
    void controller.disconnectUser(publishKeyOf(settings));
  });
  const raw = byId("raw-text", HTMLInputElement);
  onSubmit(byId("raw-form", HTMLFormElement), () => controller.sendRaw(raw.value));
  const seconds = byId("expire-seconds", HTMLInputElement);
  onSubmit(byId("expire-form", HTMLFormElement), () => {
    void controller.expire(seconds.valueAsNumber);
  });
  return viewOf(SHOWN, (state) => {
    settings = state.settings;
    render(state);
  }, tick);
}

function render(state: Shown): void {
  const { client, faults, identity, settings, close } = state;
  renderOutcome(state);
  const isReady = client === "ready";
  setDisabled(byId("mute", HTMLButtonElement), !isReady || faults.isMute);
  setDisabled(byId("away", HTMLButtonElement), !isReady);
  setDisabled(byId("back", HTMLButtonElement), faults.awaySince === undefined);
  setDisabled(byId("raw", HTMLButtonElement), !isReady);
  const canExpire = identity?.from !== "pasted";
  setDisabled(byId("expire", HTMLButtonElement), !isReady || !canExpire || faults.isExpiring);
  // Every final close of the gateway; 1000 is the page's own.
  const isOver = client === "closed" && close !== undefined && close.explained.code !== NORMAL;
  setDisabled(byId("again", HTMLButtonElement), !isOver);
  setDisabled(byId("disconnect-user", HTMLButtonElement), identity?.user === undefined);
  byId("quick-label", HTMLElement).hidden = !offersQuick(settings);
  renderMuteText(settings);
  byId("expire-note", HTMLElement).hidden = canExpire;
}

/** Shows the result below each button while it is the last close. */
function renderOutcome({ faults, close, disconnected, disconnectProblem }: Shown): void {
  setNotice(
    byId("disconnect-user-status", HTMLElement),
    disconnected === undefined ? undefined : `${plural(disconnected, "connection")} closed.`,
  );
  setNotice(byId("disconnect-user-problem", HTMLElement), disconnectProblem?.text);
  const code = close?.explained.code;
  const outcomes: readonly (readonly [string, boolean])[] = [
    ["mute-outcome", code === CloseCode.HeartbeatTimeout.code],
    ["away-outcome", close?.reason === TERMINATED_REASON && faults.awaySince === undefined],
    ["raw-outcome", code === CloseCode.Malformed.code],
    ["expire-outcome", code === CloseCode.IdentifyFailed.code],
    ["disconnect-user-outcome", code === CloseCode.Disconnected.code],
  ];
  for (const [id, isShown] of outcomes) byId(id, HTMLElement).hidden = !isShown;
}

/** Only a gateway with the mock issuer lets a connection ask for a heartbeat interval. */
function offersQuick(settings: State["settings"]): boolean {
  return settings?.canLogIn === true && settings.heartbeatIntervalMs > QUICK_INTERVAL_MS;
}

function isQuick(settings: State["settings"]): boolean {
  return offersQuick(settings) && byId("quick", HTMLInputElement).checked;
}

function renderMuteText(settings: State["settings"]): void {
  setText(byId("mute-text", HTMLElement), muteText(settings));
}

function muteText(settings: State["settings"]): string {
  const text = "The client looks alive, but its ACKs stay here. " +
    "When one is missing as the next heartbeat is due, the gateway closes with 4002; " +
    "the client connects again and answers.";
  if (settings === undefined) return text;
  const [that, intervalMs] = isQuick(settings)
    ? ["On a new connection, that", QUICK_INTERVAL_MS] as const
    : ["That", settings.heartbeatIntervalMs] as const;
  return `${text} ${that} takes ${formatSpan(intervalMs)} to ${formatSpan(2 * intervalMs)}.`;
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
  if (beatDueAt === undefined) return "Connecting with a shorter heartbeat interval.";
  const left = beatDueAt + intervalMs - now;
  return `No heartbeat is answered. Closed with 4002 in ${formatCountdown(left)}.`;
}
