/**
 * Looks up a user's connections, to find out why a message did not arrive.
 *
 * @module
 */

import type { SessionReport, UserReport } from "../api.ts";
import type { Controller } from "../controller.ts";
import { byId, make, onSubmit, setNotice } from "../dom.ts";
import type { State } from "../state.ts";
import { formatDuration, formatTime, plural } from "../text.ts";
import { publishKeyOf } from "./publish.ts";
import { type View, viewOf } from "./view.ts";

export function lookupView(controller: Controller): View {
  let settings: State["settings"];
  const user = byId("lookup-user", HTMLInputElement);
  onSubmit(byId("lookup-form", HTMLFormElement), () => {
    void controller.lookUp(user.value, publishKeyOf(settings));
  });
  return viewOf(["settings", "identity", "lookup", "lookupProblem"], (state) => {
    settings = state.settings;
    if (user.value === "") user.value = state.identity?.user ?? "";
    setNotice(byId("lookup-problem", HTMLElement), state.lookupProblem?.text);
    const { lookup } = state;
    setNotice(byId("lookup-summary", HTMLElement), lookup && summaryOf(lookup));
    byId("lookup-sessions", HTMLElement).replaceChildren(
      ...lookup?.sessions.map((session) => make("li", {}, factsOf(session))) ?? [],
    );
  });
}

function summaryOf({ user, connections, channels }: UserReport): string {
  if (connections === 0) return `${user} is not connected. Messages wait in the log.`;
  const where = channels.length === 0 ? "no channel" : channels.join(", ");
  return `${user} has ${plural(connections, "connection")}, in ${where}.`;
}

function factsOf(session: SessionReport): HTMLElement {
  const { id, node, transport, since, roundTripMs, unsentBytes, replayingAfter, sentUpTo } =
    session;
  const facts = [
    ["Sent up to", sentUpTo],
    ["Not read yet", plural(unsentBytes, "byte")],
    ["Replaying", replayingAfter === undefined ? "no" : `what follows ${replayingAfter}`],
    ["Round trip", roundTripMs === undefined ? "no heartbeat yet" : formatDuration(roundTripMs)],
    ["Ready since", `${new Date(since).toLocaleDateString("en")} ${formatTime(since)}`],
    ["Gateway", `${node}, ${transport}`],
    ["Connection", id],
  ] as const;
  return make(
    "dl",
    { class: "tiles" },
    ...facts.map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", { class: "number" }, value))
    ),
  );
}
