/**
 * GATEWAY_API_PORT: clients on one port, everything else on another.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Backend } from "./support/backend.ts";
import { GatewayProcess, TRANSPORT } from "./support/process.ts";
import { processTest } from "./support/suite.ts";
import { someone } from "./support/target.ts";

processTest("GATEWAY_API_PORT takes everything but clients to a port of its own", async () => {
  await using gateway = await GatewayProcess.start({ settings: { GATEWAY_API_PORT: "0" } });
  const line = await gateway.logLine('"listening"');
  const api: string = JSON.parse(line).fields.api;
  const backend = new Backend({ url: () => api, loginUrl: gateway.url, publishKey: "dev" });

  const user = someone();
  using peer = await gateway.peer(user);
  assert.equal((await backend.presence(user)).connections, 1);
  await backend.publish({ user, author: "1", content: "from the other port" });
  assert.deepEqual(await peer.nextContents(1), ["from the other port"]);

  const paths = [
    ...["/gateway", "/messages", "/metrics", "/openapi.json", "/console.json"],
    ...["/health", "/health/live"],
  ];
  const statuses = async (url: string) =>
    await Promise.all(paths.map(async (path) => {
      const response = await fetch(url + path, { headers: { authorization: "Bearer dev" } });
      await response.body?.cancel();
      return response.status;
    }));
  assert.deepEqual(await statuses(gateway.url), [426, 404, 404, 404, 404, 200, 200]);
  assert.deepEqual(await statuses(api), [404, 200, 200, 200, 200, 200, 200]);

  const users = Array.from({ length: 1000 }, () => crypto.randomUUID());
  assert.equal((await backend.presenceOf(users)).length, 1000);
  if (TRANSPORT !== "node") return;
  const headers = { x: "x".repeat(17 * 1024) };
  // On a connection of its own, because one that has answered before is only closed.
  using client = Deno.createHttpClient({});
  const long = await fetch(`${gateway.url}/health`, { headers, client });
  await long.body?.cancel();
  assert.equal(long.status, 431, "heads of clients are shorter");
});
