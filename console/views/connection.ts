/**
 * Step 2: the client and its state.
 *
 * @module
 */

import type { Controller } from "../controller.ts";
import { onCopy } from "../copy.ts";
import { byId, setDisabled, setNotice, setText } from "../dom.ts";
import type { State } from "../state.ts";
import { formatCountdown } from "../text.ts";
import { type View, viewOf } from "./view.ts";

const MEANING: Readonly<Record<State["client"], string>> = {
  none: "Connect makes one. It answers heartbeats, comes back and resumes by itself.",
  connecting: "It gets a token, connects or identifies.",
  ready: "Messages flow.",
  waiting: "It has lost its connection, and waits before it tries again.",
  paused: "It is disconnected until the page has read what is queued.",
  disconnected: "It is disconnected until the page connects it.",
  closed: "Connect makes a new one, which resumes after the last message of this one.",
};

const WAITS_FOR_TOKEN = "It waits for a token: paste one in step 1.";

export function connectionView(controller: Controller): View {
  byId("connect", HTMLButtonElement).addEventListener("click", () => controller.connect());
  byId("disconnect", HTMLButtonElement).addEventListener("click", () => controller.disconnect());
  byId("try-now", HTMLButtonElement).addEventListener("click", () => controller.check());
  const code = byId("client-code", HTMLButtonElement);
  onCopy(code, {
    text: () => controller.clientCode(),
    announce: (text) => controller.announce(text),
  });
  const chips = [...byId("client-states", HTMLElement).children];
  return viewOf(
    ["client", "identity", "clientProblem", "tokenWanted"],
    ({ client, identity, clientProblem, tokenWanted }) => {
      const isAlive = client !== "none" && client !== "closed";
      setDisabled(byId("connect", HTMLButtonElement), identity === undefined || isAlive);
      setDisabled(byId("disconnect", HTMLButtonElement), !isAlive);
      setDisabled(code, identity === undefined);
      setDisabled(byId("try-now", HTMLButtonElement), client !== "waiting");
      byId("connection", HTMLElement).classList.toggle("done", client === "ready");
      for (const chip of chips) {
        if (chip.getAttribute("data-state") === client) chip.setAttribute("aria-current", "step");
        else chip.removeAttribute("aria-current");
      }
      setNotice(
        byId("client-problem", HTMLElement),
        clientProblem !== undefined && tokenWanted === undefined
          ? `${clientProblem}\nThe client tries again.`
          : undefined,
      );
    },
    ({ client, retryAt, tokenWanted }, now) => {
      if (client === "connecting" && tokenWanted !== undefined) {
        return setText(byId("client-meaning", HTMLElement), WAITS_FOR_TOKEN);
      }
      const wait = client === "waiting" && retryAt !== undefined
        ? ` It tries again in ${formatCountdown(retryAt - now)}.`
        : "";
      setText(byId("client-meaning", HTMLElement), MEANING[client] + wait);
    },
  );
}
