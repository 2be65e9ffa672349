/**
 * Three gateways on one nats-server that trust one issuer: the smallest deployment of several nodes.
 *
 * @module
 */

import { NatsServer } from "../../nats/support/server.ts";
import { GatewayProcess, type Settings } from "./process.ts";
import { Target } from "./target.ts";

/** A development start has the publish key `dev`, and only the first node is one. */
const PUBLISH_KEY = "a-key-for-all-nodes";
/** Claims of the mock issuer, which the other nodes expect. */
const ISSUER = {
  GATEWAY_JWT_ISSUER: "https://mock.emagine.invalid",
  GATEWAY_JWT_AUDIENCE: "emagine-gateway",
};

/** The gateways and their NATS. */
export class Nodes implements AsyncDisposable {
  /** All gateways, in turn. */
  readonly all: Target;
  /** The gateway with the mock issuer. */
  readonly first: Target;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    [first, ...others]: readonly [GatewayProcess, ...GatewayProcess[]],
    parts: AsyncDisposableStack,
  ) {
    this.first = first;
    this.all = new Target([first.url, ...others.map(({ url }) => url)], PUBLISH_KEY);
    this.#parts = parts;
  }

  /** Starts three gateways, each with `settings`. */
  static async start(settings: Settings): Promise<Nodes> {
    await using parts = new AsyncDisposableStack();
    const nats = parts.use(await NatsServer.start());
    const shared = {
      ...settings,
      GATEWAY_NATS_URL: nats.url,
      GATEWAY_PUBLISH_KEY: PUBLISH_KEY,
    };
    const first = parts.use(await GatewayProcess.start({ settings: shared }));
    const trusting = {
      ...shared,
      ...ISSUER,
      GATEWAY_JWKS_URL: `${first.url}/.well-known/jwks.json`,
    };
    const [second, third] = await Promise.all([
      GatewayProcess.start({ settings: trusting }),
      GatewayProcess.start({ settings: trusting }),
    ]);
    parts.use(second);
    parts.use(third);
    return new Nodes([first, second, third], parts.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}
