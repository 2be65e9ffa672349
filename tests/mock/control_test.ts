/**
 * The control routes of the test server, without a port: requests, answers, and documentation of each.
 *
 * @module
 */

import assert from "node:assert/strict";
import { decodeJwt } from "jose";
import { needs, testUnless } from "../permissions.ts";
import { setUp } from "./support/control.ts";
import { Player } from "./support/player.ts";

/** A test that also reads a file. */
const test = testUnless(needs("read"));

Deno.test("/mock/clock tells and advances the time", async () => {
  const { call } = await setUp();
  const now = 1_700_000_000_000;
  const start = { now, elapsed_ms: 0, run: "stopped", next_due: null };
  assert.deepEqual(await call("GET", "/clock"), { status: 200, body: start });
  const later = { ...start, now: now + 45_000, elapsed_ms: 45_000 };
  assert.deepEqual(await call("POST", "/clock", { advance_ms: 45_000 }), {
    status: 200,
    body: later,
  });
  assert.deepEqual((await call("GET", "/clock")).body, later);
});

Deno.test("/mock/clock lets time run, and stops it", async () => {
  const { call, gateway, clock } = await setUp();
  assert.equal((await call("POST", "/clock", { run: "real" })).body.run, "real");
  const reached = new Promise<void>((resolve) => {
    gateway.clock.setTimer(1000, resolve);
  });
  await reached;
  assert.equal((await call("POST", "/clock", { run: "stopped" })).body.run, "stopped");
  const stoppedAt = gateway.clock.elapsedMs;
  assert.ok(stoppedAt >= 1000 && stoppedAt <= clock.passedMs);
  await call("GET", "/clock");
  assert.equal(gateway.clock.elapsedMs, stoppedAt);
});

Deno.test("/mock/connections lists them, with what goes wrong on each", async () => {
  const { call, gateway } = await setUp();
  assert.deepEqual((await call("GET", "/connections")).body, []);
  await Player.ready(gateway);
  const faults = { lose_client_acks: true, delay_ms: 20 };
  assert.deepEqual((await call("POST", "/connections/c1/faults", faults)).body, {
    connections: ["c1"],
  });
  assert.deepEqual((await call("GET", "/connections")).body, [{
    id: "c1",
    address: "192.0.2.1",
    phase: "ready",
    user: "alice",
    half_open: false,
    faults: { stop_heartbeats: false, withhold_acks: false, ...faults },
  }]);
});

Deno.test("/mock/connections/… drops, freezes, closes and sends", async () => {
  const { call, gateway } = await setUp();
  const players = [];
  for (let count = 0; count < 4; count++) players.push(await Player.ready(gateway));
  const [first, second, third, fourth] = players;
  const done = (id: string) => ({ status: 200, body: { connections: [id] } });
  assert.deepEqual(await call("POST", "/connections/c1/drop"), done("c1"));
  assert.equal(first?.ending()?.code, 1006);
  assert.deepEqual(await call("POST", "/connections/c2/drop", { half_open: true }), done("c2"));
  assert.equal(second?.ending(), undefined);
  const close = { code: 4010, reason: "go" };
  assert.deepEqual(await call("POST", "/connections/c3/close", close), done("c3"));
  assert.equal(third?.ending()?.code, 4010);
  assert.deepEqual(await call("POST", "/connections/c4/send", { text: "raw" }), done("c4"));
  await call("POST", "/connections/all/send", { frame: { op: 99 } });
  assert.deepEqual(fourth?.texts.slice(-2), ["raw", '{"op":99}']);
  for (const action of ["drop", "send", "close", "faults"]) {
    const body = { drop: {}, send: { text: "" }, close, faults: { delay_ms: 1 } }[action];
    const { status, body: { code } } = await call("POST", `/connections/c1/${action}`, body);
    assert.deepEqual([status, code], [404, "not_found"]);
  }
});

Deno.test("/mock/rules adds rules, tells how often each has applied, and removes them", async () => {
  const { call, gateway } = await setUp();
  const rule = { match: { on: "sent", op: 0 }, action: { type: "lose" }, times: 1 };
  const added = { id: "r1", ...rule, applied: 0 };
  assert.deepEqual(await call("POST", "/rules", rule), { status: 201, body: added });
  const [first, second] = [await Player.connect(gateway), await Player.connect(gateway)];
  assert.deepEqual([first.frames.length, second.frames.length], [0, 1]);
  assert.deepEqual((await call("GET", "/rules")).body, [{ ...added, applied: 1 }]);
  await call("POST", "/rules", { match: { op: 11 }, action: { type: "hold" } });
  second.send({ op: 10, time: 1 });
  await gateway.settled();
  assert.equal(second.of(11).length, 0);
  assert.equal((await call("DELETE", "/rules/r2")).status, 204);
  assert.equal(second.of(11).length, 1);
  assert.equal((await call("DELETE", "/rules/r2")).status, 404);
  assert.equal((await call("DELETE", "/rules")).status, 204);
  assert.deepEqual((await call("GET", "/rules")).body, []);
});

Deno.test("/mock/worlds adds worlds up to a bound, lists and ends them", async () => {
  const { call } = await setUp();
  const first = {
    world: "w1",
    url: "http://host/worlds/w1",
    ws_url: "ws://host/worlds/w1/gateway",
  };
  assert.deepEqual(await call("POST", "/worlds"), { status: 201, body: first });
  for (let count = 1; count < 200; count++) await call("POST", "/worlds");
  const { status, body } = await call("POST", "/worlds");
  assert.deepEqual([status, body.code], [429, "too_many_worlds"]);
  assert.equal((await call("DELETE", "/worlds/w2")).status, 204);
  assert.equal((await call("DELETE", "/worlds/w2")).status, 404);
  assert.equal((await call("POST", "/worlds")).body.world, "w201");
  const listed = (await call("GET", "/worlds")).body;
  assert.deepEqual([listed.length, listed[0], listed[1].world], [200, first, "w3"]);
});

Deno.test("/mock/tokens makes tokens, good and bad", async () => {
  const { call, gateway } = await setUp();
  const wanted = { user: "bob", channels: ["a"], expires_in: 60, claims: { extra: 1 } };
  const good = (await call("POST", "/tokens", wanted)).body.token;
  const { sub, channels, iat, exp, extra } = decodeJwt(good);
  assert.deepEqual([sub, channels, Number(exp) - Number(iat), extra], ["bob", ["a"], 60, 1]);
  const bad = (await call("POST", "/tokens", { fault: "expired" })).body.token;
  const player = await Player.connect(gateway);
  await player.identify(bad);
  assert.equal(player.ending()?.code, 4003);
});

Deno.test("control routes refuse a query that they do not take, and nothing happens", async () => {
  const { call, gateway, worlds } = await setUp();
  const rule = gateway.rules.add({ match: { op: 99 }, action: { type: "lose" } });
  const world = await worlds.add();
  const routes = [
    ...["/clock", "/connections", "/rules", "/worlds"].map((path) => ["GET", path]),
    ...["/rules", `/rules/${rule.id}`, `/worlds/${world}`].map((path) => ["DELETE", path]),
  ] as const;
  for (const [method = "", path] of routes) {
    const { status, body } = await call(method, `${path}?rule=r1`);
    assert.deepEqual([status, body.code], [400, "invalid_query"], `${method} ${path}`);
    assert.equal(body.errors[0].parameter, "rule");
  }
  assert.deepEqual([gateway.rules.list.length, worlds.names], [1, [world]]);
});

Deno.test("/mock/transcript can be narrowed, and /mock/reset empties it", async () => {
  const { call, gateway } = await setUp();
  await Player.connect(gateway);
  await Player.connect(gateway);
  await call("POST", "/clock", { advance_ms: 10 });
  const all = (await call("GET", "/transcript")).body;
  assert.equal(all.length, 4);
  assert.deepEqual((await call("GET", "/transcript?connection=c2&event=sent")).body, [all[3]]);
  assert.equal(all[3].elapsed_ms, 0);
  assert.equal((await call("GET", "/transcript?connexion=c2")).status, 400);
  const unknown = await call("GET", "/transcript?event=zz");
  assert.deepEqual([unknown.status, unknown.body.code], [400, "invalid_query"]);
  assert.equal(unknown.body.errors[0].parameter, "event");
  assert.match(unknown.body.errors[0].detail, /"opened".*"not_received".*"delivered"/);
  const { status, body } = await call("POST", "/reset?start_ms=1000");
  assert.deepEqual([status, body.errors[0].parameter], [400, "start_ms"]);
  assert.equal((await call("POST", "/reset", { start_ms: 1000 })).status, 204);
  assert.deepEqual((await call("GET", "/transcript")).body, []);
  assert.equal((await call("GET", "/clock")).body.now, 1000);
  await call("POST", "/clock", { advance_ms: 10 });
  await call("POST", "/reset");
  assert.equal((await call("GET", "/clock")).body.now, 1000);
});

Deno.test("control routes refuse what they do not take, and say why", async () => {
  const { call } = await setUp();
  const refused = [
    ["/clock", {}],
    ["/clock", { advance_ms: -1 }],
    ["/clock", { advance_ms: 0.5 }],
    ["/clock", { advance: 1 }],
    ["/clock", { run: "fast" }],
    ["/connections/all/close", {}],
    ["/connections/all/close", { code: 1006 }],
    ["/connections/all/close", { code: 999 }],
    ["/connections/all/close", { code: 4000, reason: "x".repeat(124) }],
    ["/connections/all/send", {}],
    ["/connections/all/send", { text: "a", frame: 1 }],
    ["/connections/all/faults", {}],
    ["/connections/all/faults", { delay: 1 }],
    ["/chaos", { seed: 1 }],
    ["/delivered", { user: "alice", ids: [] }],
    ["/chaos", { seed: -1, minutes: 1 }],
    ["/replay", {}],
    ["/replay/run", { patience: 1 }],
    ["/tokens", { fault: "none such" }],
    ["/reset", { start: 1 }],
  ] as const;
  for (const [path, body] of refused) {
    const answer = await call("POST", path, body);
    assert.deepEqual([answer.status, answer.body.code], [400, "invalid_body"], path);
    assert.ok(answer.body.errors.length > 0);
  }
});

Deno.test("/mock/rules names the field that is wrong, and what it expects", async () => {
  const { call } = await setUp();
  const types = "expected one of lose, delay, hold, duplicate, corrupt, send, acknowledge, drop, " +
    "close, refuse";
  const drop = { type: "drop" };
  const faults: readonly [rule: object, pointer: string, detail: string | RegExp][] = [
    [{}, "#/action", /^is missing, expected/],
    [{ action: "drop" }, "#/action", /^expected object/],
    [{ action: {} }, "#/action/type", types],
    [{ action: { type: "explode" } }, "#/action/type", types],
    [{ action: { type: "delay" } }, "#/action/ms", /^is missing, expected/],
    [{ action: { type: "delay", ms: "1" } }, "#/action/ms", /^expected (int|number)/],
    [{ action: { type: "lose", ms: 1 } }, "#/action/ms", /^Unrecognized key/],
    [{ action: { type: "close", code: 1006 } }, "#/action/code", /^is no code/],
    [{ action: { type: "close" } }, "#/action/code", /^is missing, expected/],
    [{ action: { type: "refuse", status: 200 } }, "#/action/status", /^Too small/],
    [
      { action: { type: "send", text: "a", frame: null } },
      "#/action",
      "has both text and frame, expected one of them",
    ],
    [{ action: { type: "send" } }, "#/action", "has neither text nor frame, expected one of them"],
    [{ action: drop, times: 0 }, "#/times", /^Too small/],
    [{ action: drop, match: { opcode: 3 } }, "#/match/opcode", /^Unrecognized key/],
    [{ action: drop, match: { on: "publish" } }, "#/action", "drop is for frames, not for publish"],
    [{ action: drop, match: { op: -1 } }, "#/match/op", "no frame has a negative op"],
    [
      { action: { type: "refuse" }, match: { user: "bob" } },
      "#/match/user",
      "a handshake has no user",
    ],
    ...[{ on: "received" }, { op: 1 }, { op: 2 }].map((match) =>
      [
        { action: drop, match: { ...match, replayed: true } },
        "#/match/replayed",
        "only messages of the gateway are replayed: sent, op 3",
      ] as [object, string, string]
    ),
  ];
  for (const [rule, pointer, detail] of faults) {
    const { status, body } = await call("POST", "/rules", rule);
    assert.deepEqual([status, body.code, body.errors?.length], [400, "invalid_body", 1], pointer);
    assert.equal(body.errors[0].pointer, pointer, JSON.stringify(rule));
    if (typeof detail === "string") assert.equal(body.errors[0].detail, detail);
    else assert.match(body.errors[0].detail, detail);
  }
  for (const action of [{ type: "send", text: "" }, { type: "send", frame: null }]) {
    assert.deepEqual((await call("POST", "/rules", { action })).body.action, action);
  }
});

Deno.test("control routes answer other methods with those that they have", async () => {
  const { send } = await setUp();
  const answers: readonly [method: string, path: string, status: number, allow: string | null][] = [
    ["PUT", "/clock", 405, "GET, HEAD, POST"],
    ["DELETE", "/worlds", 405, "GET, HEAD, POST"],
    ["POST", "/worlds/w1", 405, "DELETE"],
    ["GET", "/connections/c1/drop", 405, "POST"],
    ["GET", "/nothing", 404, null],
    ["PUT", "/nothing", 404, null],
    ["GET", "/%ff", 400, null],
    ["GET", "/transcript?connection=%ff", 400, null],
  ];
  for (const [method, path, status, allow] of answers) {
    const answer = await send(method, path);
    assert.deepEqual([answer.status, answer.headers.get("allow")], [status, allow], path);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*", path);
  }
});

test("docs/testing-clients.md shows every control route, as a call that works", async () => {
  const { call, gateway, worlds } = await setUp();
  const docs = await Deno.readTextFile(new URL("../../docs/testing-clients.md", import.meta.url));
  const calls = [...docs.matchAll(
    /^curl (?:--json '(?<json>.*)' |-X (?<verb>POST|DELETE) )?http:\/\/127\.0\.0\.1:8000\/mock(?<path>\S*)$/gm,
  )].map(({ groups = {} }) => ({ ...groups }));
  assert.ok(calls.length > 15);
  assert.equal(docs.match(/^curl /gm)?.length, calls.length, "a call of another form");
  const shown = new Set<string>();
  for (const { json, verb = json === undefined ? "GET" : "POST", path = "" } of calls) {
    await gateway.reset();
    await Player.ready(gateway);
    gateway.rules.add({ match: { op: 99 }, action: { type: "lose" } });
    await worlds.add();
    if (path === "/replay/run") {
      await gateway.replay([{ at: 1, event: "received", frame: { op: 0 } }]);
      await Player.connect(gateway);
    }
    const { status } = await call(verb, path, json === undefined ? undefined : JSON.parse(json));
    assert.ok(status < 300, `${verb} ${path} ${json ?? ""}: ${status}`);
    const named = path.replace(/\/(c1|all)\//, "/{connection}/").replace("/r1", "/{rule}")
      .replace("/w1", "/{world}");
    shown.add(`${verb} ${named}`.toLowerCase());
  }
  assert.ok(docs.includes("ws://127.0.0.1:8000/mock/clock/steps"));
  shown.add("get /clock/steps");
  const { paths } = (await call("GET", "/openapi.json")).body;
  for (const [path, methods] of Object.entries<object>(paths)) {
    for (const method of Object.keys(methods)) {
      assert.ok(shown.has(`${method} ${path.replace("/mock", "")}`), `${method} ${path}`);
    }
  }
});
