/**
 * Getting into a real nats-server, and being refused by it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { nkeys } from "@nats-io/transport-node";
import { connectNats, type NatsCredentials } from "../../gateway/nats/connect.ts";
import { unwrap } from "../../gateway/nats/connection.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { FakeLogger } from "../../mock/logger.ts";
import { NatsServer, NO_NATS } from "./support/server.ts";

const pair = nkeys.createUser();
const SEED = new TextDecoder().decode(pair.getSeed());

const WAYS: readonly {
  readonly credentials: NatsCredentials;
  readonly config: string;
  readonly wrong: NatsCredentials;
}[] = [
  {
    credentials: { kind: "user", user: "gateway", password: "correct" },
    config: 'authorization { user: "gateway", password: "correct" }',
    wrong: { kind: "user", user: "gateway", password: "wrong" },
  },
  {
    credentials: { kind: "token", token: "a-secret" },
    config: 'authorization { token: "a-secret" }',
    wrong: { kind: "token", token: "another" },
  },
  {
    credentials: { kind: "nkey", seed: SEED },
    config: `authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`,
    wrong: {
      kind: "nkey",
      seed: new TextDecoder().decode(nkeys.createUser().getSeed()),
    },
  },
];

for (const { credentials, config, wrong } of WAYS) {
  const why = NO_NATS === undefined ? "" : ` (skipped: ${NO_NATS})`;
  Deno.test({
    name: `connectNats() logs in with its ${credentials.kind}, and says when it is refused${why}`,
    ignore: NO_NATS !== undefined,
    fn: async () => {
      await using server = await NatsServer.start({ config });
      const servers = [server.url];
      const world = { clock: new SystemClock(), logger: new FakeLogger() };
      const nats = await connectNats({ servers, credentials }, world);
      await unwrap(nats).flush();
      await nats.close();
      for (const options of [{ servers, credentials: wrong }, { servers }]) {
        await assert.rejects(connectNats(options, world), { code: "bad_configuration" });
      }
      assert.doesNotMatch(world.logger.text(), /correct|wrong|a-secret|another|SU[A-Z2-7]{56}/);
    },
  });
}
