/**
 * Step 2: the client and its state.
 *
 * @module
 */

import type { Controller } from "../controller.ts";
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
  closed: "It is over. Connect makes a new one, which takes up where this one was.",
};

/** Draws the step; the buttons make and end the client. */
export function connectionView(controller: Controller): View {
  byId("connect", HTMLButtonElement).addEventListener("click", () => controller.connect());
  byId("disconnect", HTMLButtonElement).addEventListener("click", () => controller.disconnect());
  const chips = [...byId("client-states", HTMLElement).children];
  return viewOf(
    ["client", "identity", "clientProblem", "needsToken"],
    ({ client, identity, clientProblem, needsToken }) => {
      const isAlive = client !== "none" && client !== "closed";
      setDisabled(byId("connect", HTMLButtonElement), identity === undefined || isAlive);
      setDisabled(byId("disconnect", HTMLButtonElement), !isAlive);
      byId("connection", HTMLElement).classList.toggle("done", client === "ready");
      for (const chip of chips) {
        if (chip.getAttribute("data-state") === client) chip.setAttribute("aria-current", "step");
        else chip.removeAttribute("aria-current");
      }
      setNotice(
        byId("client-problem", HTMLElement),
        clientProblem !== undefined && !needsToken
          ? `${clientProblem}\nThe client tries again.`
          : undefined,
      );
    },
    ({ client, retryAt }, now) => {
      const wait = client === "waiting" && retryAt !== undefined
        ? ` It tries again in ${formatCountdown(retryAt - now)}.`
        : "";
      setText(byId("client-meaning", HTMLElement), MEANING[client] + wait);
    },
  );
}
