/**
 * Issues tokens as an app's backend does.
 *
 * @module
 */

import type { Behaviour } from "./behaviour.ts";
import type { Random } from "../mock/chaos/random.ts";
import { tokenText } from "./verifier.ts";
import type { WorldDeps } from "./world_deps.ts";

const MINUTE_MS = 60_000;
const LIVES_MS = [10 * MINUTE_MS, 60 * MINUTE_MS, 6 * 60 * MINUTE_MS, 30 * 60 * MINUTE_MS] as const;

export interface Applicant {
  readonly user: string;
  readonly random: Random;
  /** A flaw applies to one token. */
  readonly behaviour: Pick<Behaviour, "flaw">;
}

export function issueToken(world: WorldDeps, { user: own, random, behaviour }: Applicant): string {
  const { clock, memberships, users } = world;
  const { flaw } = behaviour;
  behaviour.flaw = undefined;
  const lifeMs = random.pick(LIVES_MS);
  const briefMs = random.int(2000, 60_000);
  const user = flaw === "strange_user" ? random.pick(users) : own;
  const token = {
    serial: 0,
    user,
    issuedAt: issuedAt(world, user, random.fork(`issued${clock.steady()}`)),
    channels: [...memberships.get(own) ?? []],
    expiresAtMs: clock.now() + (flaw === "expired" ? -1 : flaw === "brief" ? briefMs : lifeMs),
    signed: flaw !== "unsigned",
  };
  return tokenText(token, clock.now());
}

/** The `iat` of a token, in Unix milliseconds: the app may have had it for a while, or it has none. */
function issuedAt(
  { clock, checker, allows, issuer }: WorldDeps,
  user: string,
  random: Random,
): number {
  const luck = allows("revoked") && issuer.careless ? random.unit() : 1;
  if (luck < 0.05) return 0;
  const atMs = luck < 0.25
    ? clock.now() - random.int(0, 10 * MINUTE_MS)
    : Math.max(clock.now(), checker.revocations.validFrom(user));
  return Math.floor(atMs / 1000) * 1000;
}
