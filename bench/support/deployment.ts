/**
 * Starts the gateways to measure in processes of their own, with the same settings: one on SQLite, or several
 * on a nats-server.
 *
 * @module
 */

import { claims, SECRET, shared, sign } from "../../tests/conformance/support/issuer.ts";
import { GatewayProcess } from "../../tests/conformance/support/process.ts";
import { NatsServer } from "../../tests/nats/support/server.ts";
import { Publisher } from "./publisher.ts";

/** The publish key of every deployment. */
export const KEY = "a-publish-key-of-a-benchmark";

/** A message as people write them. */
export const CHAT_TEXT: string = "a message of chat ".repeat(4);

/** Settings of every deployment: no limits on connections, and tokens with a shared secret. */
export const SETTINGS = {
  GATEWAY_JWT_SECRET: SECRET,
  GATEWAY_PUBLISH_KEY: KEY,
  GATEWAY_LOG_LEVEL: "info",
  GATEWAY_MAX_CONNECTIONS: "1000000",
  GATEWAY_MAX_CONNECTIONS_PER_IP: "1000000",
  GATEWAY_MAX_UNIDENTIFIED: "1000000",
  GATEWAY_CONNECT_RATE_PER_IP: "1000000",
  GATEWAY_CONNECT_BURST_PER_IP: "1000000",
};

/** Signs a token that every deployment accepts. */
export async function signToken(user: string, channel: string): Promise<string> {
  return await sign(claims({ sub: user, channels: [channel] }), shared(SECRET));
}

export interface DeploymentOptions {
  /** `sqlite`, or the number of nodes on a nats-server. */
  readonly log: "sqlite" | { readonly nodes: number };
  /** Added to {@linkcode SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Running gateways, and their nats-server if they have one. */
export class Deployment implements AsyncDisposable {
  readonly urls: readonly string[];
  readonly pids: readonly number[];
  readonly natsPid: number | undefined;
  /** One for each gateway. */
  readonly publishers: readonly Publisher[];
  readonly #parts: AsyncDisposableStack;

  private constructor(
    gateways: readonly GatewayProcess[],
    rest: { readonly nats: NatsServer | undefined; readonly parts: AsyncDisposableStack },
  ) {
    this.urls = gateways.map(({ url }) => url);
    this.pids = gateways.map(({ pid }) => pid);
    this.natsPid = rest.nats?.pid;
    this.#parts = rest.parts;
    this.publishers = this.urls.map((url) => rest.parts.use(new Publisher(url, KEY)));
  }

  static async start({ log, settings }: DeploymentOptions): Promise<Deployment> {
    await using parts = new AsyncDisposableStack();
    const nats = log === "sqlite" ? undefined : parts.use(await NatsServer.start());
    const gateways: GatewayProcess[] = [];
    for (let node = 0; node < (log === "sqlite" ? 1 : log.nodes); node++) {
      const own = nats === undefined ? {} : { GATEWAY_NATS_URL: nats.url };
      const all = { settings: { ...SETTINGS, ...settings, ...own } };
      gateways.push(parts.use(await GatewayProcess.start(all)));
    }
    return new Deployment(gateways, { nats, parts: parts.move() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}
