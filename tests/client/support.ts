/**
 * An app on the client under test: records its events, on the clock of a mock gateway.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type ClientEvents,
  type Disconnect,
  GatewayClient,
  type GatewayClientOptions,
  type TokenRequest,
} from "../../client/mod.ts";
import { createMockGateway, type MockGateway, type MockGatewayOptions } from "../../mock/mod.ts";

/** Options of the app under test. */
export interface AppOptions extends Partial<GatewayClientOptions> {
  /** The lifetime of tokens in seconds; two days by default. */
  readonly expiresInS?: number;
  /** True if messages are only queued, for a loop. */
  readonly silent?: boolean;
}

export interface Stage extends AsyncDisposable {
  readonly gateway: MockGateway;
  readonly app: App;
}

/** A gateway and an app that is ready. */
export async function stage(
  options: AppOptions = {},
  gatewayOptions: MockGatewayOptions = {},
): Promise<Stage> {
  const gateway = await createMockGateway(gatewayOptions);
  const app = new App(gateway, options);
  await gateway.settled();
  return {
    gateway,
    app,
    async [Symbol.asyncDispose]() {
      app.client.on("error", () => {});
      await app.client.close();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

/** A recorded event, with the virtual milliseconds since the start. */
export type Told<T> = T & { readonly atMs: number };

export class App implements AsyncDisposable {
  readonly client: GatewayClient;
  readonly contents: unknown[] = [];
  readonly readies: Told<ClientEvents["ready"]>[] = [];
  readonly gaps: string[] = [];
  readonly disconnects: Told<Disconnect>[] = [];
  readonly states: string[] = ["connecting"];
  readonly roundTrips: number[] = [];
  readonly errors: Error[] = [];
  readonly closes: (Error | undefined)[] = [];
  readonly requests: Told<Omit<TokenRequest, "signal">>[] = [];

  constructor(readonly gateway: MockGateway, { expiresInS, silent, ...options }: AppOptions = {}) {
    const { clock } = gateway;
    this.client = new GatewayClient({
      url: gateway.wsUrl,
      WebSocket: gateway.WebSocket,
      clock,
      random: () => 0.5,
      ...options,
      getToken: (request) => {
        this.requests.push({ reason: request.reason, atMs: clock.elapsedMs });
        if (options.getToken !== undefined) return options.getToken(request);
        return gateway.token({ user: "alice", expiresInS: expiresInS ?? 172_800 });
      },
    });
    const { client } = this;
    if (!silent) client.on("message", ({ content }) => void this.contents.push(content));
    client.on("ready", (ready) => void this.readies.push({ ...ready, atMs: clock.elapsedMs }));
    client.on("gap", ({ lastId }) => void this.gaps.push(lastId));
    client.on("disconnect", (how) => {
      this.disconnects.push({ ...how, atMs: clock.elapsedMs });
    });
    client.on("state", (state) => void this.states.push(state));
    client.on("roundtrip", (ms) => void this.roundTrips.push(ms));
    client.on("error", (error) => void this.errors.push(error));
    client.on("close", (error) => void this.closes.push(error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }

  /** The close codes of ended connections. */
  get codes(): readonly number[] {
    return this.disconnects.map(({ code }) => code);
  }

  /** The frames of `op` that the gateway received, each with the virtual time. */
  received(op: number): readonly (Readonly<Record<string, unknown>> & { readonly atMs: number })[] {
    return this.gateway.transcript.flatMap((entry) => {
      if (entry.event !== "received" || typeof entry.frame !== "object") return [];
      const frame = entry.frame as Readonly<Record<string, unknown>>;
      return frame["op"] === op ? [{ ...frame, atMs: entry.at - this.gateway.clock.startMs }] : [];
    });
  }

  /** The backend publishes to everyone. */
  async say(...contents: readonly string[]): Promise<readonly string[]> {
    const drafts = contents.map((content) => ({ author: "bob", content }));
    return (await this.gateway.publish(...drafts)).map(({ id }) => id);
  }
}

/** Checks that `app` detects a dead connection after `ms`, and not before. */
export async function endsAfter(app: App, ms: number): Promise<void> {
  await app.gateway.advance(ms - 1);
  assert.deepEqual(app.codes, []);
  await app.gateway.advance(1);
  assert.deepEqual(app.codes, [1006]);
}

/** The gateway as an app reaches it, which is not at all while `isBroken`. */
export interface Network {
  isBroken: boolean;
  readonly WebSocket: MockGateway["WebSocket"];
}

/** A way to `gateway` that a test can break. */
export function breakable(gateway: MockGateway): Network {
  const network: Network = {
    isBroken: false,
    WebSocket: class extends gateway.WebSocket {
      constructor(url: string | URL) {
        super(network.isBroken ? `${url}/nowhere` : url);
      }
    },
  };
  return network;
}

/** A socket that never opens. */
export class NoSocket {
  readonly readyState = 0;
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(): void {}
  close(): void {}
}
