/**
 * A frame in the list: a line that unfolds to the whole text, with a button to copy it.
 *
 * @module
 */

import { onCopy } from "../copy.ts";
import { make } from "../dom.ts";
import { type FrameEntry, isBeat } from "../frames.ts";
import { indentJson } from "../indent.ts";
import { formatTime, plural, truncate } from "../text.ts";

/** The characters of the line. */
const LINE_CHARACTERS = 240;
/** The characters of the unfolded frame, which may have 64 KiB. Copying copies all. */
const MAX_CHARACTERS = 20_000;

/** The symbol of a direction, and its text for screen readers. */
const DIRECTION: Readonly<Record<FrameEntry["kind"], readonly [sign: string, word: string]>> = {
  sent: ["↑", "sent"],
  received: ["↓", "received"],
  withheld: ["⊘", "withheld"],
  opened: ["●", "connection"],
  closed: ["■", "connection"],
  note: ["·", "connection"],
};

/** Makes a row. `announce` is called with the result of copying. */
export function rowOf(entry: FrameEntry, announce: (text: string) => void): HTMLLIElement {
  const [sign, word] = DIRECTION[entry.kind];
  const direction = make("span", { class: "direction", title: word }, sign);
  direction.setAttribute("aria-hidden", "true");
  const isFrame = entry.kind === "sent" || entry.kind === "received" || entry.kind === "withheld";
  return make(
    "li",
    { class: `frame ${entry.kind}${isBeat(entry) ? " heartbeat" : ""}` },
    make("time", {}, formatTime(entry.at)),
    direction,
    make("span", { class: "visually-hidden" }, word),
    make("span", { class: "op" }, entry.op === undefined ? "" : String(entry.op)),
    make("span", { class: "name" }, entry.name),
    isFrame ? foldedOf(entry, announce) : make("code", { class: "text" }, entry.text),
  );
}

function foldedOf(entry: FrameEntry, announce: (text: string) => void): HTMLElement {
  const { text } = entry;
  const line = text.length > LINE_CHARACTERS ? `${truncate(text, LINE_CHARACTERS)}…` : text;
  const details = make(
    "details",
    { class: "text" },
    make("summary", {}, make("code", {}, line)),
  );
  // Made on demand, because there are hundreds of frames.
  details.addEventListener("toggle", () => {
    const copy = make("button", { class: "small" }, "Copy");
    onCopy(copy, { text: () => text, announce });
    details.append(make("pre", {}, make("code", {}, wholeOf(entry))), copy);
  }, { once: true });
  return details;
}

function wholeOf({ text, op }: FrameEntry): string {
  const shown = truncate(text, MAX_CHARACTERS);
  const rest = text.length - shown.length;
  // A text that is no frame is shown unchanged.
  const whole = op === undefined ? shown : indentJson(shown);
  return rest > 0 ? `${whole}… and ${plural(rest, "character")} more` : whole;
}
