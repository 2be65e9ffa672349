/**
 * Shows the last close: the meaning of its code, and the client's next step.
 *
 * @module
 */

import { byId, setNotice, setText, setTextWithOptions } from "../dom.ts";
import type { CloseView } from "../state.ts";
import { formatDuration, formatTime, plural } from "../text.ts";
import { type View, viewOf } from "./view.ts";

export function closeView(): View {
  return viewOf(["close"], ({ close }) => renderClose(close));
}

function renderClose(close: CloseView | undefined): void {
  byId("close", HTMLElement).hidden = close === undefined;
  if (close === undefined) return;
  const { at, explained, reason, next, back } = close;
  const { code, name, when, reconnect } = explained;
  setText(byId("close-title", HTMLElement), `Closed with ${code} ${name}`);
  setText(byId("close-at", HTMLElement), formatTime(at));
  setText(byId("close-when", HTMLElement), when);
  byId("close-reason-row", HTMLElement).hidden = reason === "";
  setText(byId("close-reason", HTMLElement), reason);
  setText(byId("close-reconnect", HTMLElement), reconnect);
  setTextWithOptions(byId("close-next", HTMLElement), next);
  setNotice(byId("close-back", HTMLElement), back && backText(back, at));
}

function backText(
  { at, resumed, replayed }: NonNullable<CloseView["back"]>,
  closedAt: number,
): string {
  const after = `Back after ${formatDuration(at - closedAt)}`;
  switch (resumed) {
    case true:
      return replayed === 0
        ? `${after}, and resumed: nothing was missed.`
        : `${after}, and resumed: ${plural(replayed, "missed message")} replayed.`;
    case false:
      return `${after}, but not resumed: some messages may be missing.`;
    case undefined:
      return `${after}, with a new session.`;
  }
}
