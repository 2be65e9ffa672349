/**
 * Connecting to a real nats-server: credentials and certificates, accepted and refused. A final refusal names the
 * option to change.
 *
 * @module
 */

import assert from "node:assert/strict";
import { nkeys } from "@nats-io/transport-node";
import { OperationalError } from "../../gateway/errors.ts";
import {
  connectNats,
  type NatsCredentials,
  type NatsOptions,
} from "../../gateway/cluster/connect.ts";
import { SystemClock } from "../../gateway/runtime/clock.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { Authority, type Certificate } from "./support/certificates.ts";
import { eventually } from "./support/nodes.ts";
import { NatsServer, NO_NATS } from "./support/server.ts";

const pair = nkeys.createUser();
const SEED = new TextDecoder().decode(pair.getSeed());

const LOGINS: readonly {
  readonly credentials: NatsCredentials;
  readonly config: string;
  readonly wrong: NatsCredentials;
  readonly option: string;
}[] = [
  {
    credentials: { kind: "user", user: "gateway", password: "correct" },
    config: 'authorization { user: "gateway", password: "correct" }',
    wrong: { kind: "user", user: "gateway", password: "swordfish" },
    option: "GATEWAY_NATS_PASSWORD",
  },
  {
    credentials: { kind: "token", token: "a-secret" },
    config: 'authorization { token: "a-secret" }',
    wrong: { kind: "token", token: "b-secret" },
    option: "GATEWAY_NATS_TOKEN",
  },
  {
    credentials: { kind: "nkey", seed: SEED },
    config: `authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`,
    wrong: { kind: "nkey", seed: new TextDecoder().decode(nkeys.createUser().getSeed()) },
    option: "GATEWAY_NATS_NKEY_SEED",
  },
];

const SECRETS = /correct|swordfish|[ab]-secret|SU[A-Z2-7]{56}|PRIVATE KEY/;

for (const { credentials, config, wrong, option } of LOGINS) {
  test(`logs in with its ${credentials.kind}, and says when it is refused`, async () => {
    await using server = await NatsServer.start({ config });
    const servers = [server.url];
    await connects({ servers, credentials });
    await isRefused({ servers, credentials: wrong }, option);
    await isRefused({ servers }, option);
  });
}

test("refuses a seed with a typing error before it asks anybody", async () => {
  const seed = SEED.replace(/.(?=.{20}$)/, (letter) => letter === "A" ? "B" : "A");
  const options = { servers: ["nats://127.0.0.1:1"], credentials: { kind: "nkey", seed } } as const;
  await isRefused(options, "GATEWAY_NATS_NKEY_SEED");
});

const LOCAL = "IP:127.0.0.1";

test("trusts its own authority, for an address and for a name", async () => {
  using authority = new Authority();
  const tls = { ca: authority.cert };
  for (const [names, host] of [[LOCAL, "127.0.0.1"], ["DNS:localhost", "localhost"]] as const) {
    await using server = await NatsServer.start({ config: tlsOf(authority.sign(names)) });
    const url = server.url.replace("127.0.0.1", host);
    await connects({ servers: [url], tls });
    await connects({ servers: [url.replace("nats:", "tls:")], tls });
  }
});

test("refuses a server that it cannot trust", async () => {
  using authority = new Authority();
  using other = new Authority();
  await using server = await NatsServer.start({ config: tlsOf(authority.sign(LOCAL)) });
  const servers = [server.url];
  await isRefused({ servers, tls: { ca: other.cert } }, "GATEWAY_NATS_TLS_CA");
  await isRefused({ servers }, "GATEWAY_NATS_TLS_CA");
  await isRefused({ servers: [server.url.replace("nats:", "tls:")] }, "GATEWAY_NATS_TLS_CA");
});

test("refuses a certificate for another host", async () => {
  using authority = new Authority();
  const tls = { ca: authority.cert };
  for (const names of ["DNS:localhost", "IP:127.0.0.2", "DNS:nats.example.com"]) {
    await using server = await NatsServer.start({ config: tlsOf(authority.sign(names)) });
    await isRefused({ servers: [server.url], tls }, "GATEWAY_NATS_URL");
  }
  await using server = await NatsServer.start({ config: tlsOf(authority.sign(LOCAL)) });
  const named = server.url.replace("127.0.0.1", "localhost");
  await isRefused({ servers: [named], tls }, "GATEWAY_NATS_URL");
});

test("logs in with its certificate, and says when it is refused", async () => {
  using authority = new Authority();
  using other = new Authority();
  const config = tlsOf(authority.sign(LOCAL), `ca_file: "${authority.path}", verify: true`);
  await using server = await NatsServer.start({ config });
  const servers = [server.url];
  const ca = authority.cert;
  const { cert, key } = authority.sign("DNS:gateway");
  const strange = other.sign("DNS:gateway");
  await connects({ servers, tls: { ca, cert, key } });
  await isRefused({ servers, tls: { ca } }, "GATEWAY_NATS_TLS_CERT");
  const refused = { servers, tls: { ca, cert: strange.cert, key: strange.key } };
  await isRefused(refused, "GATEWAY_NATS_TLS_CERT", { when: "sooner or later" });
  await isRefused({ servers, tls: { ca, cert, key: strange.key } }, "GATEWAY_NATS_TLS_KEY");
});

test("does not do without the encryption that it was told to use", async () => {
  using authority = new Authority();
  await using server = await NatsServer.start();
  const encrypted = server.url.replace("nats:", "tls:");
  await isRefused({ servers: [encrypted] }, "GATEWAY_NATS_URL");
  const servers = [server.url];
  await isRefused({ servers, tls: { ca: authority.cert } }, "GATEWAY_NATS_TLS_CA");
});

test("waits for a server that is down, and says so once", async () => {
  const logger = new FakeLogger();
  const server = await NatsServer.start();
  const servers = [server.url];
  await server.stop();
  const clock = new SystemClock();
  const connecting = connectNats({ servers }, { clock, logger });
  await eventually(() => assert.match(logger.text(), /still cannot be reached/));
  await server.start();
  await using _ = server;
  const nats = await connecting;
  await nats.close();
  assert.equal(logger.text().split("NATS cannot be reached; trying").length, 2);
  assert.match(logger.text(), /NATS can be reached/);
});

test("goes on when it is refused later, and says so once", async () => {
  const credentials = { kind: "token", token: "a-secret" } as const;
  const config = 'authorization { token: "a-secret" }';
  await using server = await NatsServer.start({ config });
  const logger = new FakeLogger();
  const clock = new SystemClock();
  const nats = await connectNats({ servers: [server.url], credentials }, { clock, logger });
  await server.stop();
  {
    const { port } = new URL(server.url);
    const changed = 'authorization { token: "b-secret" }';
    await using _ = await NatsServer.start({ config: changed, port: Number(port) });
    await eventually(() => assert.match(logger.text(), /NATS refuses the token/));
  }
  await server.start();
  await eventually(() => nats.flush());
  await nats.close();
  assert.equal(logger.text().split("cannot be reached again").length, 2);
  assert.doesNotMatch(logger.text(), SECRETS);
});

function test(name: string, fn: () => Promise<void>): void {
  const why = NO_NATS === undefined ? "" : ` (skipped: ${NO_NATS})`;
  Deno.test({ name: `connectNats() ${name}${why}`, ignore: NO_NATS !== undefined, fn });
}

/** The TLS part of a server's configuration. */
function tlsOf({ certPath, keyPath }: Certificate, more = ""): string {
  return `tls { cert_file: "${certPath}", key_file: "${keyPath}", ${more} }`;
}

async function connects(options: NatsOptions): Promise<void> {
  const logger = new FakeLogger();
  const nats = await connectNats(options, { clock: new SystemClock(), logger });
  await nats.flush();
  await nats.close();
  assert.equal(logger.text(), "");
}

/**
 * Asserts a final refusal at once, without retries. NATS refuses the gateway's own certificate in its last
 * frame, which a reset may overtake; then the next attempt has it.
 */
async function isRefused(
  options: NatsOptions,
  option: string,
  { when = "at once" }: { readonly when?: "at once" | "sooner or later" } = {},
): Promise<void> {
  const logger = new FakeLogger();
  await assert.rejects(connectNats(options, { clock: new SystemClock(), logger }), (error) => {
    assert.ok(error instanceof OperationalError);
    assert.equal(error.code, "bad_configuration");
    assert.ok(error.message.includes(option), `${error.message} names ${option}`);
    assert.doesNotMatch(error.message, SECRETS);
    return true;
  });
  if (when === "at once") assert.equal(logger.text(), "");
  assert.doesNotMatch(logger.text(), SECRETS);
}
