/** The scenario under jest with its defaults and fake timers. */

const { GatewayClient } = require("@emagine/gateway-client");
const { options } = require("./harness.cjs");
const scenario = require("./scenario.cjs");

test("the client works under fake timers", async () => {
  jest.useFakeTimers();
  const advance = (ms) => jest.advanceTimersByTime(ms);
  await scenario({ ...options, GatewayClient, advance });
}, 60_000);
