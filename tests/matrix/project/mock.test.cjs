/** The mock gateway in jest, in each of its environments, with real and with fake timers. */

const { GatewayClient } = require("@emagine/gateway-client");
const { createMockGateway } = require("@emagine/gateway-mock");
const scenario = require("./mock.cjs");

const options = { createMockGateway, GatewayClient, measure: (_, part) => part() };

test("the mock gateway works", () => scenario(options));

test("the mock gateway works under fake timers", async () => {
  jest.useFakeTimers();
  await scenario({ ...options, fakeTimers: true });
});
