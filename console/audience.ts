/**
 * Predicts whether a published message arrives on this page. Pure.
 *
 * @module
 */

import type { Publication } from "./api.ts";
import type { Claims } from "./claims.ts";
import type { Arrival, Published, State } from "./state.ts";

/** The page's user and client at the time of a publish. */
export interface Audience {
  readonly identity: Pick<Claims, "user" | "channels"> | undefined;
  readonly client: State["client"];
  /** True if the next connection resumes. */
  readonly resumes: boolean;
}

/** Predicts the arrival of a message to `target`. */
export function arrivalOf(
  target: Publication["target"],
  { identity, client, resumes }: Audience,
): Arrival {
  if (identity === undefined) {
    return missed("Nobody was logged in on this page, so it does not arrive here.");
  }
  const why = whyNotHere(target, identity);
  if (why !== undefined) return missed(why);
  if (client === "ready") return { is: "here" };
  if (!resumes) {
    return missed(
      "This page was not connected, so it does not arrive here: " +
        "a first connection gets what is published after it.",
    );
  }
  const when = client === "closed" ? "you connect (step 2)" : "the client is back";
  return { is: "later", why: `This page is not connected. It arrives once ${when}.` };
}

function missed(why: string): Arrival {
  return { is: "missed", why };
}

/** Returns why a user with these claims will not receive a message; `undefined` if they will. */
function whyNotHere(
  target: Publication["target"],
  { user, channels }: Pick<Claims, "user" | "channels">,
): string | undefined {
  if (target === "everyone" || user === undefined) return undefined;
  if ("user" in target) {
    return target.user === user
      ? undefined
      : `This tab will not receive it: ${user} is logged in here.`;
  }
  return (channels ?? []).includes(target.channel)
    ? undefined
    : `This tab will not receive it: the token of ${user} does not name this channel.`;
}

/** The hint while no message has arrived. */
export function emptyText(
  { identity, client, published }: Pick<State, "identity" | "client"> & {
    readonly published: Pick<Published, "arrival"> | undefined;
  },
): string {
  const isMissed = published?.arrival.is === "missed";
  const again = isMissed ? " Messages that you published before that are not shown." : "";
  if (identity === undefined) {
    return `Log in (step 1) and connect (step 2): what is published after that arrives here.${again}`;
  }
  switch (client) {
    case "none":
    case "closed":
      return `Connect (step 2): what is published after that arrives here.${again}`;
    case "connecting":
    case "waiting":
    case "paused":
    case "disconnected":
      return `Wait until the client is connected: messages arrive here then.${again}`;
    case "ready":
      return isMissed
        ? `The message that you published is not shown: ${published.arrival.why} Publish another (step 3).`
        : "Publish (step 3): messages to your channels, to your user and to everyone arrive here, " +
          "each once and in order.";
  }
}
