/**
 * One frame in the list: a line, which unfolds to the whole of it and a button that copies it.
 *
 * @module
 */

import { onCopy } from "../copy.ts";
import { make } from "../dom.ts";
import { type FrameEntry, isBeat } from "../frames.ts";
import { indentJson } from "../indent.ts";
import { cut, formatTime, plural } from "../text.ts";

/** So much is in the line. */
const LINE_CHARACTERS = 240;
/** What is unfolded has an end too: a message may have 64 KiB. Copying takes all of it. */
const MAX_CHARACTERS = 20_000;

/** How the direction is shown, and how it is read aloud. */
const DIRECTION: Readonly<Record<FrameEntry["kind"], readonly [sign: string, word: string]>> = {
  sent: ["↑", "sent"],
  received: ["↓", "received"],
  withheld: ["⊘", "withheld"],
  opened: ["●", "connection"],
  closed: ["■", "connection"],
  note: ["·", "connection"],
};

/** A row for `entry`; what copying came to is told to `announce`. */
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
  const line = text.length > LINE_CHARACTERS ? `${cut(text, LINE_CHARACTERS)}…` : text;
  const details = make(
    "details",
    { class: "text" },
    make("summary", {}, make("code", {}, line)),
  );
  // Made when it is looked at: there are hundreds of frames.
  details.addEventListener("toggle", () => {
    const copy = make("button", { class: "small" }, "Copy");
    onCopy(copy, { text: () => text, announce });
    details.append(make("pre", {}, make("code", {}, wholeOf(entry))), copy);
  }, { once: true });
  return details;
}

function wholeOf({ text, op }: FrameEntry): string {
  const shown = cut(text, MAX_CHARACTERS);
  const rest = text.length - shown.length;
  // What is no frame is shown as it passed.
  const whole = op === undefined ? shown : indentJson(shown);
  return rest > 0 ? `${whole}… and ${plural(rest, "character")} more` : whole;
}
