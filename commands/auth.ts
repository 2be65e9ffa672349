/**
 * The verifier of tokens that the options describe, and the mock issuer if there is one.
 *
 * @module
 */

import { createVerifier, KeySet, type PreviousSecret, sharedSecret } from "../auth/mod.ts";
import type { TokenConfig } from "../gateway/config/parse.ts";
import type { TokenVerifier } from "../gateway/ports.ts";
import { MockIssuer } from "../mock/issuer.ts";
import type { World } from "./world.ts";

export async function createAuth(
  { config, clock, ids, logger: log, previousUsed }:
    & Pick<World, "clock" | "ids" | "logger">
    & Required<Pick<PreviousSecret, "previousUsed">>
    & { readonly config: TokenConfig },
): Promise<{ readonly verifier: TokenVerifier; readonly issuer: MockIssuer | undefined }> {
  const { auth, jwtIssuer: issuer, jwtAudience: audience, clockToleranceMs } = config;
  const common = {
    clock,
    clockToleranceMs,
    ...issuer === undefined ? {} : { issuer },
    ...audience === undefined ? {} : { audience },
  };
  switch (auth.mode) {
    case "secret": {
      const keys = sharedSecret(auth.secret, { previous: auth.previous, previousUsed });
      return { verifier: createVerifier(keys, common), issuer: undefined };
    }
    case "jwks": {
      const keys = new KeySet({ url: auth.url, fetch, clock, log });
      void keys.prefetch();
      return { verifier: createVerifier(keys, common), issuer: undefined };
    }
    case "mock": {
      const mock = await MockIssuer.create({ clock, ids });
      const { issuer, audience, jwksUrl: url, fetch } = mock;
      const keys = new KeySet({ url, fetch, clock, log, unknownKeyCooldownMs: 0 });
      // Both have one clock, so there is nothing to tolerate.
      const options = { clock, issuer, audience };
      return { verifier: createVerifier(keys, options), issuer: mock };
    }
  }
}
