/**
 * Who receives a message, as far as the page can know.
 *
 * Pure.
 *
 * @module
 */

import type { Publication } from "./api.ts";
import type { Claims } from "./claims.ts";

/** Why who has these claims will not receive what is published to `target`; `undefined` if nothing is against it. */
export function whyNotHere(
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
