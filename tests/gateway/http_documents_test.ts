/**
 * OpenAPI and AsyncAPI are valid and match the gateway.
 *
 * @module
 */

import assert from "node:assert/strict";
import specs from "@asyncapi/specs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { type FailureCode, OperationalError } from "../../gateway/errors.ts";
import { READ_FAILURES } from "../../gateway/http/openapi.ts";
import { PROBLEMS } from "../../gateway/http/problem.ts";
import type { LoginIssuer } from "../../gateway/http/mod.ts";
import { createMemoryLog } from "../../gateway/log/memory.ts";
import { isName } from "../../gateway/protocol/names.ts";
import { CloseCode } from "../../gateway/protocol/codes.ts";
import { decode, encode } from "../../gateway/protocol/frames.ts";
import { FakeClock } from "../../mock/doubles/clock.ts";
import { FakeIds } from "../../mock/doubles/ids.ts";
import { FakeLogger } from "../../mock/doubles/logger.ts";
import { needs, testUnless } from "../permissions.ts";
import { World as WebhookWorld } from "../webhooks/support.ts";
import { createFixture, type Fixture } from "./http_fixture.ts";

/** A test that also reads a file. */
const test = testUnless(needs("read"));

const issuer: LoginIssuer = {
  login: ({ user, expires_in }) => Promise.resolve({ token: "a.b.c", user, expires_in }),
  jwks: () => Promise.resolve({ keys: [] }),
};

// deno-lint-ignore no-explicit-any
type Document = any;

async function openApi(fixture: Fixture): Promise<Document> {
  return (await fixture.call("GET", "/openapi.json", { headers: { authorization: "" } })).json;
}

async function asyncApi(): Promise<Document> {
  return (await createFixture().call("GET", "/asyncapi.json")).json;
}

test("/openapi.json is a valid OpenAPI document of this version", async () => {
  const document = await openApi(createFixture({ issuer }));
  const result = await new Validator().validate(document);
  assert.deepEqual(result, { valid: true });
  assert.equal(document.openapi, "3.1.0");
  assert.equal(document.info.version, "1.2.3");
});

Deno.test("/openapi.json has all routes, and the login only with an issuer", async () => {
  const routes = (document: Document) =>
    Object.entries<object>(document.paths)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  const all = [
    "delete /users/{user}/channels/{channel}",
    "delete /users/{user}/connections",
    "delete /users/{user}/tokens",
    "get /.well-known/jwks.json",
    "get /asyncapi.json",
    "get /channels/{channel}",
    "get /channels/{channel}/users",
    "get /gateway",
    "get /health",
    "get /health/live",
    "get /messages",
    "get /metrics",
    "get /openapi.json",
    "get /users",
    "get /users/{user}",
    "post /login",
    "post /messages",
    "post /signals",
    "put /users/{user}/channels/{channel}",
  ];
  assert.deepEqual(routes(await openApi(createFixture({ issuer }))).sort(), all);
  const without = all.filter((route) => !/login|jwks/.test(route));
  assert.deepEqual(routes(await openApi(createFixture())).sort(), without);
});

Deno.test("/openapi.json has the webhooks as they are sent", async () => {
  const { webhooks } = await openApi(createFixture());
  assert.deepEqual(Object.keys(webhooks), ["user.online", "user.offline", "gateway.started"]);
  const world = new WebhookWorld();
  world.start();
  await world.clock.advance(0);
  world.online("alice");
  await world.clock.advance(5000);
  world.offline("alice");
  await world.clock.advance(5000);
  assert.equal(world.received.length, 3);
  for (const { init } of world.received) {
    const body = JSON.parse(init.body);
    const { requestBody, parameters } = webhooks[body.type].post;
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const validate = ajv.compile(requestBody.content["application/json"].schema);
    assert.ok(validate(body), JSON.stringify(validate.errors));
    for (const { name, in: place, required } of parameters) {
      assert.deepEqual([place, required], ["header", true]);
      assert.ok(Object.hasOwn(init.headers, name), name);
    }
  }
});

Deno.test("/openapi.json has the heartbeat interval of a handshake only with an issuer", async () => {
  const [parameter] = (await openApi(createFixture({ issuer }))).paths["/gateway"].get.parameters;
  assert.deepEqual([parameter.name, parameter.required], ["heartbeat_interval", false]);
  const { get } = (await openApi(createFixture())).paths["/gateway"];
  assert.equal(get.parameters, undefined);
  assert.doesNotMatch(JSON.stringify(get), /invalid_query/);
});

function schemaOf(document: Document, schema: object): (value: unknown) => boolean {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  return ajv.compile({ ...schema, components: document.components });
}

Deno.test("/openapi.json says what a name is in a pattern of every dialect, and exactly", async () => {
  const document = await openApi(createFixture({ issuer }));
  const patterns = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)]
    .map(([, pattern = ""]): string => JSON.parse(pattern));
  assert.ok(patterns.length > 5);
  for (const pattern of patterns) {
    assert.doesNotMatch(pattern, /\\[pPu]|\(\?/, "no Unicode class, no \\u, no look-around");
  }
  const [user] = document.paths["/users/{user}"].get.parameters;
  const isValid = schemaOf(document, user.schema);
  const characters = [...Array(0x3000).keys()].map((code) => String.fromCodePoint(code));
  for (const name of ["", ...characters, "\u{1f600}", "\u{10ffff}", "a\n", "\na", "a\x85b"]) {
    assert.equal(isValid(name), isName(name), JSON.stringify(name));
  }
  for (const unit of ["x", "é", "\u{1f600}"]) {
    for (const length of [1, 127, 128, 255, 256]) {
      const name = unit.repeat(length);
      assert.equal(isValid(name), isName(name), `${length} times ${unit}`);
    }
  }
});

Deno.test("/openapi.json is for wherever it is served: its server is relative to it", async () => {
  const { servers } = await openApi(createFixture());
  const places = servers.map(({ url }: Document) =>
    String(new URL(url, "https://example.com/chat/openapi.json"))
  );
  assert.deepEqual(places, ["https://example.com/chat/"]);
});

/** The failures of a log when it reads, and when it writes. */
const READING = ["log_unavailable", "log_closed", "log_corrupt"] as const;
const WRITING = [...READING, "log_overloaded"] as const;

Deno.test("/openapi.json lists every failure that a route answers with", async () => {
  let code: FailureCode = "log_unavailable";
  const fail = (): Promise<never> => Promise.reject(new OperationalError(code, "a failure"));
  const log = createMemoryLog({
    clock: new FakeClock(),
    ids: new FakeIds(),
    logger: new FakeLogger(),
  });
  Object.assign(log, { publish: fail, publishOnce: fail, read: fail, check: fail });
  const users = {
    execute: fail,
    presence: fail,
    inspect: fail,
    channelPresence: fail,
    channelUsers: fail,
  };
  const fixture = createFixture({ issuer, log, users });
  const { paths } = await openApi(fixture);
  const draft = { author: "7", content: 1 };
  const channel = "/users/{user}/channels/{channel}";
  for (
    const [method, path, codes, body] of [
      ["post", "/messages", [...WRITING, "publish_too_large", "idempotency_key_reused"], draft],
      ["get", "/messages", READING],
      ["get", "/health", READING],
      ["put", channel, WRITING],
      ["delete", channel, WRITING],
      ["delete", "/users/{user}/connections", WRITING],
      ["delete", "/users/{user}/tokens", WRITING],
      ["get", "/users", ["log_unavailable"]],
      ["get", "/users/{user}", ["log_unavailable"]],
      ["get", "/channels/{channel}", ["log_unavailable"]],
      ["get", "/channels/{channel}/users", ["log_unavailable"]],
    ] as [string, string, FailureCode[], unknown?][]
  ) {
    for (code of codes) {
      const query = path === "/users" ? "?user=alice" : "";
      const target = path.replace(/[{}]/g, "") + query;
      const answer = await fixture.call(method.toUpperCase(), target, { body });
      assert.equal(answer.json.code, code);
      const { description } = paths[path][method].responses[answer.status];
      assert.ok(description.includes(`\`${code}\``), `${method} ${path}: ${code}`);
    }
  }
});

Deno.test("/openapi.json says of every route what each can answer with", async () => {
  const { paths } = await openApi(createFixture({ issuer }));
  for (const [path, methods] of Object.entries<Document>(paths)) {
    for (const [method, { responses }] of Object.entries<Document>(methods)) {
      for (const code of ["invalid_host", "host_not_allowed", "internal_error"] as const) {
        const { description } = responses[PROBLEMS[code].status];
        assert.ok(description.includes(`\`${code}\``), `${method} ${path}: ${code}`);
      }
    }
  }
});

Deno.test("a failure that is no answer over HTTP is a bug", async () => {
  for (const code of ["bad_configuration", "log_locked", "issuer_unreachable"] as const) {
    assert.ok(!Object.hasOwn(PROBLEMS, code));
    let bugs = 0;
    const metricsText = () => Promise.reject(new OperationalError(code, "of a start"));
    const answer = await createFixture({ metricsText, bug: () => void bugs++ }).call(
      "GET",
      "/metrics",
    );
    assert.deepEqual([answer.status, answer.json.code, bugs], [500, "internal_error", 1]);
  }
});

Deno.test("/asyncapi.json is valid AsyncAPI 3.0", async () => {
  const document = await asyncApi();
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const schema: Document = specs.schemasWithoutId["3.0.0"];
  const validate = ajv.compile(schema);
  validate(document);
  assert.deepEqual(validate.errors ?? [], []);
  assert.equal(validate({ ...document, channels: { gateway: { messages: 1 } } }), false);
});

Deno.test("/asyncapi.json has no reference that leads nowhere", async () => {
  const document = await asyncApi();
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]*)"/g)];
  assert.ok(references.length > 0);
  for (const [, path = ""] of references) {
    const target = path.split("/").reduce((part: Document, key) => part?.[key], document);
    assert.equal(typeof target, "object", path);
  }
});

Deno.test("/asyncapi.json describes the frames of the protocol, by who sends them", async () => {
  const document = await asyncApi();
  const ajv = new Ajv({ strict: false });
  const accepts = (frame: string): string[] =>
    Object.entries<object>(document.components.schemas)
      .filter(([, schema]) => ajv.validate(schema, JSON.parse(frame))).map(([name]) => name);
  const sentBy = (operation: string): string[] =>
    document.operations[operation].messages.map(({ $ref }: { $ref: string }) =>
      $ref.split("/").at(-1)
    );
  const server = [
    encode({ op: 0, heartbeat_interval: 45000 }),
    encode({ op: 2, user: "alice", last_id: "e-1", resumed: true }),
    encode({ op: 3, id: "e-1", channel: "general", author: "7", content: [{}], time: 1 }),
    encode({ op: 3, id: "e-1", author: "7", content: null, time: 1, replayed: true }),
    encode({ op: 4, channel: "general", author: "7", content: { typing: true }, time: 1 }),
    encode({ op: 10, time: 1 }),
    encode({ op: 11, time: 1 }),
  ];
  assert.deepEqual([...new Set(server.flatMap(accepts))], sentBy("toClient"));
  const client = [
    '{"op":1,"token":"t","signals":true,"more":1}',
    '{"op":10,"time":1}',
    '{"op":11,"time":1}',
  ];
  assert.ok(client.every((frame) => decode(frame, 4096).ok));
  assert.deepEqual(client.flatMap(accepts), sentBy("fromClient"));
  assert.deepEqual(accepts('{"op":1,"token":""}'), []);
});

Deno.test("/asyncapi.json has every close code", async () => {
  const document = await asyncApi();
  assert.deepEqual(
    document.channels.gateway["x-close-codes"],
    Object.entries(CloseCode).map(([name, info]) => {
      const advice = name === "IdentifyFailed" ? { advice: "get a new token first" } : {};
      return { name, ...info, ...advice };
    }),
  );
});

test("docs/reference.md has every problem that /health answers with, and no other", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/reference.md", import.meta.url));
  const [, health = ""] = /^## Health$([^]*?)^## /m.exec(text) ?? [];
  const codes = [...health.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code);
  assert.deepEqual([...new Set(codes)].sort(), [...READ_FAILURES, "draining"].sort());
});
