/**
 * Step 4: the messages as they arrive, as a chat shows them.
 *
 * @module
 */

import { emptyText } from "../audience.ts";
import { byId, make, setText } from "../dom.ts";
import type { MessageEntry } from "../state.ts";
import { cut, formatTime, plural } from "../text.ts";
import { type View, viewOf } from "./view.ts";

/** Longer content is cut: the list is for looking at, and the frames have more of it. */
const MAX_CHARACTERS = 4000;
/** So near to its end, a list follows what is added. */
const NEAR_PX = 40;

/** Draws the list. */
export function messagesView(): View {
  const list = byId("messages", HTMLOListElement);
  const scroll = byId("messages-scroll", HTMLElement);
  // Asked when it is scrolled, and not for each message: the browser would have to lay out the page for it.
  let isAtEnd = true;
  scroll.addEventListener("scroll", () => {
    isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;
  });
  let known = 0;
  return viewOf(["messages", "identity", "client", "published"], (shown) => {
    const { messages } = shown;
    setText(byId("messages-empty", HTMLElement), emptyText(shown));
    list.append(...messages.filter(({ seq }) => seq > known).map(rowOf));
    while (list.children.length > messages.length) list.firstElementChild?.remove();
    known = messages.at(-1)?.seq ?? known;
    byId("messages-empty", HTMLElement).hidden = messages.length > 0;
    byId("arrival", HTMLElement).classList.toggle("done", messages.length > 0);
    if (isAtEnd) scroll.scrollTop = scroll.scrollHeight;
  });
}

function rowOf(entry: MessageEntry): HTMLLIElement {
  if (entry.kind === "gap") {
    const text =
      "The client was away for longer than the gateway keeps messages: some may be missing.";
    return make("li", { class: "gap" }, text);
  }
  const { author, channel, at, content, id, isReplayed } = entry;
  const target = channel === undefined ? "to you or to everyone" : `#${channel}`;
  return make(
    "li",
    { class: isReplayed ? "message replayed" : "message" },
    make(
      "p",
      { class: "meta" },
      // Each has its own direction, and changes nobody else's.
      make("strong", {}, make("bdi", {}, author)),
      make("bdi", { class: "channel" }, target),
      isReplayed ? make("span", { class: "badge" }, "replayed") : undefined,
      make("time", {}, formatTime(at)),
    ),
    contentOf(content),
    make("p", { class: "id" }, id),
  );
}

function contentOf(content: unknown): HTMLElement {
  const kind = typeof content === "string" ? "content" : "content json";
  const element = make("p", { class: kind }, textOf(content));
  element.dir = "auto";
  return element;
}

function textOf(content: unknown): string {
  const text = typeof content === "string" ? content : JSON.stringify(content, null, 2);
  if (text.length <= MAX_CHARACTERS) return text;
  const shown = cut(text, MAX_CHARACTERS);
  return `${shown}… and ${plural(text.length - shown.length, "character")} more`;
}
