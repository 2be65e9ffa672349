/** The mock gateway in a program, for Node, Bun and Deno: imported and required, it is the same. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { GatewayClient } from "@emagine/gateway-client";
import * as mock from "@emagine/gateway-mock";
import scenario from "./mock.cjs";

assert.equal(createRequire(import.meta.url)("@emagine/gateway-mock").MockGateway, mock.MockGateway);
await scenario({ ...mock, GatewayClient, measure: (_, part) => part() });
const hello = { at: 0, event: "received", frame: { op: 0, heartbeat_interval: 45_000 } };
const replay = new mock.Replay([hello]);
assert.deepEqual(replay.recorded, { client: undefined, gateway: undefined });
const received = [];
new replay.WebSocket(replay.wsUrl).onmessage = ({ data }) => received.push(JSON.parse(data));
await replay.run();
assert.deepEqual(received, [hello.frame]);
console.log("done");
