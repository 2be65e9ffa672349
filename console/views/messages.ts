/**
 * Step 4: the received messages, as in a chat.
 *
 * @module
 */

import { emptyText } from "../audience.ts";
import { byId, make, setText } from "../dom.ts";
import type { MessageEntry } from "../state.ts";
import { formatTime, plural, truncate } from "../text.ts";
import { type View, viewOf } from "./view.ts";

/** Longer content is truncated; the list of frames has more of it. */
const MAX_CHARACTERS = 4000;
/** Within this distance of its end, a list scrolls to what is added. */
const NEAR_PX = 40;

export function messagesView(): View {
  const list = byId("messages", HTMLOListElement);
  const scroll = byId("messages-scroll", HTMLElement);
  // Read on scroll, because reading it for each message would force a layout.
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
      // Isolates the text direction of each.
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
  const shown = truncate(text, MAX_CHARACTERS);
  return `${shown}… and ${plural(text.length - shown.length, "character")} more`;
}
