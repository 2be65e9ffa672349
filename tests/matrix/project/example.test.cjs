/** A test of an app in jest, on the gateway's time. Its timers are jest's fake ones. */

const { GatewayClient } = require("@emagine/gateway-client");
const { createMockGateway } = require("@emagine/gateway-mock");

test("my app gets a new token before its own expires", async () => {
  jest.useFakeTimers();
  const gateway = await createMockGateway();
  const getToken = jest.fn(() => gateway.token({ user: "alice", expiresInS: 3600 }));
  const { wsUrl: url, WebSocket } = gateway;
  const client = new GatewayClient({ url, WebSocket, getToken });
  await gateway.advance(3_600_000);
  expect(getToken.mock.calls.map(([{ reason }]) => reason)).toEqual(["start", "expiring"]);
  expect(client.state).toBe("ready");
  await client.close();
});
