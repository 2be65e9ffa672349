/**
 * The event `log`: a record from which a session can be replayed, without tokens.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { LogRecord } from "../../client/mod.ts";
import { createMockGateway } from "../../mock/mod.ts";
import { App } from "./support.ts";

Deno.test("log has every frame, state and close code in order, and no token", async () => {
  await using gateway = await createMockGateway();
  const app = new App(gateway, { silent: true });
  const { client } = app;
  const { startMs: time } = gateway.clock;
  const log: LogRecord[] = [];
  client.on("log", (record) => log.push(record));
  client.on("signal", () => {});
  await gateway.settled();
  const [id = ""] = await app.say("one");
  await gateway.close("all", { code: 1012, reason: "bye" });
  await gateway.advance(250);
  await gateway.send("all", { text: "{" });
  await client.close();
  assert.doesNotMatch(JSON.stringify(log), /token|eyJ/);
  const hello = { op: 0, heartbeat_interval: 45_000 };
  const session = (at: number, lastId: string, identify: object, ready: object) => [
    { at, event: "sent", frame: { op: 1, ...identify, signals: true } },
    { at, event: "received", frame: hello },
    { at, event: "received", frame: { op: 2, user: "alice", last_id: lastId, ...ready } },
    { at, event: "state", state: "ready" },
    { at, event: "sent", frame: { op: 10, time: at } },
    { at, event: "received", frame: { op: 11, time: at } },
  ];
  const at = time + 250;
  assert.deepEqual(log, [
    ...session(time, app.readies[0]?.lastId ?? "", {}, {}),
    { at: time, event: "received", frame: { op: 3, id, author: "bob", content: "one", time } },
    {
      at: time,
      ...{ event: "disconnect", code: 1012, name: "ServiceRestart", reason: "bye", retryInMs: 250 },
    },
    { at: time, event: "state", state: "waiting" },
    { at, event: "state", state: "connecting" },
    ...session(at, id, { last_id: id }, { resumed: true }),
    { at, event: "received", frame: "{" },
    { at, event: "close_sent", code: 4001, reason: "not a frame of the gateway: expected JSON" },
    {
      at,
      ...{ event: "disconnect", code: 1006, name: undefined },
      ...{ reason: "not a frame of the gateway: expected JSON", retryInMs: 500 },
    },
    { at, event: "state", state: "waiting" },
    { at, event: "state", state: "closed" },
  ]);
});
