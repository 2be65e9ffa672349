/**
 * Uses a renewed certificate without a restart: SIGHUP reads its files again.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import type { Logger } from "../gateway/ports.ts";
import type { KeyPair, Listener } from "../gateway/runtime/transport.ts";
import { toError } from "../gateway/util.ts";

export interface ReloadDeps {
  /** Reads and checks the files. */
  readonly readKeyPair: () => KeyPair | undefined;
  /** The gateway, once it listens. */
  readonly started: Promise<Pick<Listener, "setKeyPair">>;
  readonly logger: Logger;
}

/** Reloads at each SIGHUP, one after the other. */
export function reloadOnHangup(deps: ReloadDeps): void {
  let last = Promise.resolve();
  Deno.addSignalListener("SIGHUP", () => {
    last = last.then(() => reload(deps));
  });
}

/** A pair that cannot be used is logged, and changes nothing. */
async function reload({ readKeyPair, started, logger }: ReloadDeps): Promise<void> {
  try {
    const gateway = await started;
    const pair = readKeyPair();
    if (pair === undefined) return;
    await gateway.setKeyPair(pair);
    const { validTo } = new X509Certificate(pair.cert);
    logger.info("TLS certificate reloaded", { expires: new Date(validTo).toISOString() });
  } catch (error) {
    logger.error("TLS certificate not reloaded; the previous one is in use", {
      error: toError(error),
    });
  }
}
