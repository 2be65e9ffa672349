/** The scenario under vitest with fake timers; the environment is given on the command line. */

import process from "node:process";
import { GatewayClient } from "@emagine/gateway-client";
import { test, vi } from "vitest";
import * as ws from "ws";
import { options } from "./harness.cjs";
import scenario from "./scenario.cjs";

test("the client works under fake timers", { timeout: 60_000 }, async () => {
  vi.useFakeTimers();
  const advance = (ms) => vi.advanceTimersByTime(ms);
  const WebSocket = process.env.MATRIX_WEBSOCKET === "ws" ? ws.WebSocket : undefined;
  await scenario({ ...options, GatewayClient, WebSocket, advance });
});
