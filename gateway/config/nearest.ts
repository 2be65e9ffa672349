/**
 * Finds the name that somebody meant.
 *
 * @module
 */

import { closestMatch } from "leven";

/** The one of `names` that is most like `name`. A third of it may be mistyped, not counting `prefix`. */
export function nearest(
  name: string,
  names: readonly string[],
  prefix: string = "",
): string | undefined {
  const { length } = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  return closestMatch(name, names, { maxDistance: Math.ceil(length / 3) });
}
