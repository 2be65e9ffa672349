/**
 * The list of frames, newest first. Not a live region, because frames are too frequent.
 *
 * @module
 */

import type { Controller } from "../controller.ts";
import { byId, setText } from "../dom.ts";
import { type FrameEntry, type FrameFilter, isShown } from "../frames.ts";
import type { State } from "../state.ts";
import { plural } from "../text.ts";
import { rowOf } from "./frame_row.ts";
import { type View, viewOf } from "./view.ts";

type Shown = Pick<State, "frames" | "framesFrom">;

export function framesView(controller: Controller): View {
  const list = new FrameList(byId("frames", HTMLOListElement), controller);
  const pause = byId("frames-pause", HTMLButtonElement);
  const beats = byId("frames-beats", HTMLInputElement);
  const filter = byId("frames-filter", HTMLInputElement);
  let held: readonly FrameEntry[] | undefined;
  let latest: Shown = { frames: [], framesFrom: 0 };
  const render = (shown: Shown): void => {
    const { frames, framesFrom } = latest = shown;
    held = held?.filter(({ seq }) => seq >= framesFrom);
    list.draw(held ?? frames);
    const last = held?.at(-1)?.seq ?? framesFrom - 1;
    const waiting = held === undefined ? undefined : frames.filter(({ seq }) => seq > last).length;
    setText(byId("frames-note", HTMLElement), note(list, waiting));
    byId("frames-empty", HTMLElement).hidden = list.count > 0;
  };
  pause.addEventListener("click", () => {
    held = held === undefined ? latest.frames : undefined;
    pause.setAttribute("aria-pressed", String(held !== undefined));
    render(latest);
  });
  byId("frames-clear", HTMLButtonElement).addEventListener("click", () => controller.clearFrames());
  const applyFilter = (): void => {
    list.filter({ text: filter.value, hasBeats: beats.checked });
    render(latest);
  };
  beats.addEventListener("change", applyFilter);
  filter.addEventListener("input", applyFilter);
  return viewOf(["frames", "framesFrom"], render);
}

function note({ count, hiddenCount }: FrameList, waiting: number | undefined): string {
  const filtered = hiddenCount === 0
    ? ""
    : ` ${count - hiddenCount} of ${plural(count, "frame")} shown.`;
  const text = waiting === undefined
    ? "The newest is on top. Tokens are shortened."
    : `Held. ${plural(waiting, "frame")} came meanwhile.`;
  return text + filtered;
}

class FrameList {
  readonly #list: HTMLOListElement;
  readonly #controller: Controller;
  readonly #entries = new WeakMap<Element, FrameEntry>();
  #filter: FrameFilter = { text: "", hasBeats: true };

  constructor(list: HTMLOListElement, controller: Controller) {
    this.#list = list;
    this.#controller = controller;
  }

  get count(): number {
    return this.#list.childElementCount;
  }

  get hiddenCount(): number {
    return this.#list.querySelectorAll(":scope > [hidden]").length;
  }

  /** Adds new rows at the top, and removes those that are no longer listed. */
  draw(entries: readonly FrameEntry[]): void {
    const list = this.#list;
    const oldest = entries[0]?.seq ?? Infinity;
    while (list.lastElementChild !== null && this.#seqOf(list.lastElementChild) < oldest) {
      list.lastElementChild.remove();
    }
    const newest = list.firstElementChild === null ? 0 : this.#seqOf(list.firstElementChild);
    const added = entries.filter(({ seq }) => seq > newest);
    list.prepend(...added.reverse().map((entry) => this.#rowOf(entry)));
  }

  filter(filter: FrameFilter): void {
    this.#filter = filter;
    for (const row of this.#list.children) {
      const entry = this.#entries.get(row);
      row.toggleAttribute("hidden", entry !== undefined && !isShown(entry, filter));
    }
  }

  #rowOf(entry: FrameEntry): HTMLLIElement {
    const row = rowOf(entry, (text) => this.#controller.announce(text));
    row.hidden = !isShown(entry, this.#filter);
    this.#entries.set(row, entry);
    return row;
  }

  #seqOf(row: Element): number {
    return this.#entries.get(row)?.seq ?? 0;
  }
}
