/** The mock gateway in a program, for Node, Bun and Deno: imported and required, it is the same. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { GatewayClient } from "@emagine/gateway-client";
import * as mock from "@emagine/gateway-mock";
import scenario from "./mock.cjs";

assert.equal(createRequire(import.meta.url)("@emagine/gateway-mock").MockGateway, mock.MockGateway);
await scenario({ ...mock, GatewayClient, measure: (_, part) => part() });
console.log("done");
