/**
 * The list of frames, the newest on top. It says nothing aloud: frames come too often for that.
 *
 * @module
 */

import type { Controller } from "../controller.ts";
import { byId, make, setText } from "../dom.ts";
import { type FrameEntry, isBeat } from "../frames.ts";
import type { State } from "../state.ts";
import { cut, formatTime, plural } from "../text.ts";
import { type View, viewOf } from "./view.ts";

/** Longer text is folded. */
const SHOWN_CHARACTERS = 240;
/** And what is folded has an end too: a message may have 64 KiB. */
const MOST_CHARACTERS = 20_000;

/** How the direction is shown, and how it is read aloud. */
const DIRECTION: Readonly<Record<FrameEntry["kind"], readonly [sign: string, word: string]>> = {
  sent: ["↑", "sent"],
  received: ["↓", "received"],
  withheld: ["⊘", "withheld"],
  opened: ["●", "connection"],
  closed: ["■", "connection"],
  note: ["·", "connection"],
};

type Shown = Pick<State, "frames" | "framesFrom">;

/** Draws the list; it can be held, emptied, and rid of heartbeats. */
export function framesView(controller: Controller): View {
  const list = byId("frames", HTMLOListElement);
  const pause = byId("frames-pause", HTMLButtonElement);
  const beats = byId("frames-beats", HTMLInputElement);
  let held: readonly FrameEntry[] | undefined;
  let latest: Shown = { frames: [], framesFrom: 0 };
  const render = (shown: Shown): void => {
    const { frames, framesFrom } = latest = shown;
    held = held?.filter(({ seq }) => seq >= framesFrom);
    draw(list, held ?? frames);
    byId("frames-empty", HTMLElement).hidden = list.childElementCount > 0;
    const last = held?.at(-1)?.seq ?? framesFrom - 1;
    const waiting = held === undefined ? 0 : frames.filter(({ seq }) => seq > last).length;
    setText(byId("frames-note", HTMLElement), note(held !== undefined, waiting));
  };
  pause.addEventListener("click", () => {
    held = held === undefined ? latest.frames : undefined;
    pause.setAttribute("aria-pressed", String(held !== undefined));
    render(latest);
  });
  byId("frames-clear", HTMLButtonElement).addEventListener("click", () => controller.clearFrames());
  beats.addEventListener("change", () => list.classList.toggle("without-beats", !beats.checked));
  return viewOf(["frames", "framesFrom"], render);
}

function note(isHeld: boolean, waiting: number): string {
  if (!isHeld) return "The newest is on top. Tokens are shortened.";
  return `Held. ${plural(waiting, "frame")} came meanwhile.`;
}

/** Adds the rows that are new on top, and drops those that are no longer listed. */
function draw(list: HTMLOListElement, entries: readonly FrameEntry[]): void {
  const oldest = entries[0]?.seq ?? Infinity;
  while (list.lastElementChild !== null && seqOf(list.lastElementChild) < oldest) {
    list.lastElementChild.remove();
  }
  const newest = list.firstElementChild === null ? 0 : seqOf(list.firstElementChild);
  const added = entries.filter(({ seq }) => seq > newest);
  list.prepend(...added.reverse().map(rowOf));
}

function seqOf(row: Element): number {
  return Number(row.getAttribute("data-seq"));
}

function rowOf(entry: FrameEntry): HTMLLIElement {
  const [sign, word] = DIRECTION[entry.kind];
  const direction = make("span", { class: "direction", title: word }, sign);
  direction.setAttribute("aria-hidden", "true");
  const row = make(
    "li",
    { class: `frame ${entry.kind}${isBeat(entry) ? " heartbeat" : ""}` },
    make("time", {}, formatTime(entry.at)),
    direction,
    make("span", { class: "visually-hidden" }, word),
    make("span", { class: "op" }, entry.op === undefined ? "" : String(entry.op)),
    make("span", { class: "name" }, entry.name),
    textOf(entry.text),
  );
  row.dataset["seq"] = String(entry.seq);
  return row;
}

function textOf(text: string): HTMLElement {
  if (text.length <= SHOWN_CHARACTERS) return make("code", { class: "text" }, text);
  const shown = cut(text, MOST_CHARACTERS);
  const rest = text.length - shown.length;
  return make(
    "details",
    { class: "text" },
    make("summary", {}, make("code", {}, `${cut(text, SHOWN_CHARACTERS)}…`)),
    make("code", {}, rest > 0 ? `${shown}… and ${plural(rest, "character")} more` : shown),
  );
}
