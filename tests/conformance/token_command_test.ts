/**
 * `emagine-gateway token`: the gateway accepts the tokens that it makes, and judges tokens as it does.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CloseCode } from "../../gateway/protocol/mod.ts";
import { ISSUER, SECRET } from "./support/issuer.ts";
import { Peer } from "./support/peer.ts";
import { GatewayProcess, runToEnd } from "./support/process.ts";
import { processTest } from "./support/suite.ts";

const SETTINGS = { GATEWAY_JWT_SECRET: SECRET, GATEWAY_JWT_ISSUER: ISSUER };

processTest(
  "token new makes what the gateway accepts, and token check agrees with it",
  async () => {
    await using gateway = await GatewayProcess.start({
      settings: { ...SETTINGS, GATEWAY_PUBLISH_KEY: "0123456789abcdef" },
    });
    const make = async (settings: Record<string, string>) => {
      const { code, stdout, stderr } = await runToEnd(settings, [
        "token",
        "new",
        "--user",
        "alice",
      ]);
      assert.deepEqual([code, stderr], [0, ""]);
      return stdout.trim();
    };
    const check = (token: string) => runToEnd(SETTINGS, ["token", "check", token]);

    const good = await make(SETTINGS);
    const accepted = await check(good);
    assert.deepEqual([accepted.code, accepted.stderr], [0, ""]);
    assert.match(
      accepted.stdout,
      /^accepted: user "alice", channels none, for another \d+ (?:s|min)\n$/,
    );
    using peer = await Peer.connect(gateway.wsUrl);
    await peer.identify(good);

    const bad = await make({ ...SETTINGS, GATEWAY_JWT_ISSUER: "https://other.example" });
    const refused = await check(bad);
    assert.deepEqual([refused.code, refused.stderr], [1, ""]);
    assert.match(
      refused.stdout,
      /"iss" is "https:\/\/other.example", expected "https:\/\/issuer.example"/,
    );
    using stranger = await Peer.connect(gateway.wsUrl);
    await stranger.identify(bad);
    assert.equal(await stranger.closeCode(), CloseCode.IdentifyFailed.code);
    assert.ok(!gateway.log.some((line) => line.includes(bad)));
  },
);

processTest(
  "token check reads standard input, and says in one line why it cannot check",
  async () => {
    const empty = await runToEnd(SETTINGS, ["token", "check", "-"]);
    assert.equal(empty.code, 1, empty.stderr);
    assert.match(empty.stdout, /^refused: the token is malformed\n/);
    const down = { GATEWAY_JWKS_URL: "http://127.0.0.1:9/keys" };
    const token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AAAA";
    const { code, stdout, stderr } = await runToEnd(down, ["token", "check", token]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^emagine-gateway: the issuer's keys cannot be fetched: .+\n$/);
    const unset = await runToEnd({}, ["token", "check", "a.b.c"]);
    assert.equal(unset.code, 2);
    assert.match(unset.stderr, /^emagine-gateway: neither GATEWAY_JWT_SECRET nor GATEWAY_JWKS_URL/);
  },
);
