/**
 * Key sets over real connections: over TLS from their own authority, and behind redirects.
 *
 * @module
 */

import assert from "node:assert/strict";
import { exportJWK, generateKeyPair } from "jose";
import { Authority, type Certificate } from "../nats/support/certificates.ts";
import { claims, sign, type Signature } from "./support/issuer.ts";
import { Peer } from "./support/peer.ts";
import { GatewayProcess, type Settings } from "./support/process.ts";
import { processTest } from "./support/suite.ts";

const NOT_FETCHED = "the issuer's keys cannot be fetched";

/** An issuer: its keys are at `/keys`; every other path redirects to the URL in its query. */
class Issuer implements AsyncDisposable {
  readonly url: string;
  readonly signature: Signature;
  readonly asked: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(signature: Signature, jwk: object, certificate?: Certificate) {
    this.signature = signature;
    const tls = certificate && { cert: certificate.cert, key: certificate.key };
    this.#server = Deno.serve({
      ...{ hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls },
      handler: ({ url }) => {
        const { pathname, searchParams } = new URL(url);
        this.asked.push(pathname);
        if (pathname === "/keys") return Response.json({ keys: [jwk] });
        return new Response(null, {
          status: 302,
          headers: { location: searchParams.get("to") ?? "" },
        });
      },
    });
    const scheme = tls === undefined ? "http" : "https";
    this.url = `${scheme}://127.0.0.1:${this.#server.addr.port}`;
  }

  static async start(certificate?: Certificate): Promise<Issuer> {
    const { publicKey, privateKey } = await generateKeyPair("Ed25519", { extractable: true });
    // As issuers have them that adopted RFC 9864 in tokens, but not in keys.
    const jwk = { ...await exportJWK(publicKey), kid: "key-1", alg: "EdDSA" };
    return new Issuer({ alg: "Ed25519", kid: "key-1", key: privateKey }, jwk, certificate);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function start(jwksUrl: string, settings: Settings = {}): Promise<GatewayProcess> {
  return GatewayProcess.start({
    settings: {
      GATEWAY_JWKS_URL: jwksUrl,
      GATEWAY_PUBLISH_KEY: "0123456789abcdef",
      ...settings,
    },
  });
}

async function accepts(gateway: GatewayProcess, issuer: Issuer): Promise<void> {
  const token = await sign(claims(), issuer.signature);
  const { peer, ready } = await Peer.ready(gateway.wsUrl, { token });
  using _ = peer;
  assert.equal(ready["user"], "alice");
}

processTest(
  "a key set of a private authority is taken with DENO_CERT, and not without",
  async () => {
    using authority = new Authority();
    await using issuer = await Issuer.start(authority.sign("IP:127.0.0.1"));
    {
      await using gateway = await start(`${issuer.url}/keys`, { DENO_CERT: authority.path });
      await accepts(gateway, issuer);
    }
    await using gateway = await start(`${issuer.url}/keys`);
    assert.match(await gateway.logLine(NOT_FETCHED), /certificate|UnknownIssuer/i);
  },
);

processTest(
  "a redirect of the key set is not followed, and the log says where it leads",
  async () => {
    await using issuer = await Issuer.start();
    await using elsewhere = await Issuer.start();
    for (const target of ["/keys?token=hush", `${elsewhere.url}/keys`]) {
      await using gateway = await start(`${issuer.url}/moved?to=${encodeURIComponent(target)}`);
      const line = await gateway.logLine(NOT_FETCHED);
      const { pathname, host } = new URL(target, issuer.url);
      assert.ok(line.includes(`a redirect to http://${host}${pathname}`), line);
      assert.ok(!line.includes("hush"));
    }
    assert.deepEqual([issuer.asked, elsewhere.asked], [["/moved", "/moved"], []]);
    await using gateway = await start(`${issuer.url}/keys`);
    await accepts(gateway, issuer);
  },
);
