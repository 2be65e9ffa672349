/** The scenario as a program, for Node, Bun and Deno. `MATRIX_CLIENT` is where the client is imported from. */

import process from "node:process";
import harness from "./harness.cjs";
import scenario from "./scenario.cjs";

const { GatewayClient } = await import(process.env.MATRIX_CLIENT ?? "@emagine/gateway-client");
const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;
await scenario({ ...harness.options, GatewayClient, WebSocket });
