/** What a test in TypeScript does with the types of the mock gateway. */

import { GatewayClient } from "@emagine/gateway-client";
import { createMockGateway, type MockGateway, type MockGatewayOptions, TOKEN_FAULTS } from "@emagine/gateway-mock";

const options: MockGatewayOptions = { connection: { heartbeatIntervalMs: 30_000 } };

export async function start(): Promise<MockGateway> {
  const gateway = await createMockGateway(options);
  const client = new GatewayClient({
    url: gateway.wsUrl,
    WebSocket: gateway.WebSocket,
    clock: gateway.clock,
    getToken: () => gateway.token({ user: "alice", fault: "expired" }),
  });
  const [message] = await gateway.publish({ channel: "general", author: "bob", content: { text: TOKEN_FAULTS.expired } });
  const response = await gateway.fetch("/health");
  const state: "ready" | string = client.state + message?.id + response.status;
  await gateway.advance(state.length);
  await gateway[Symbol.asyncDispose]();
  return gateway;
}
