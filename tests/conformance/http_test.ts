/**
 * Errors over HTTP, one sample of each kind: the status, and problem details with a stable code
 * (`openapi_test.ts` tries every operation). And the routes for operators and tools.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Answer, RequestOptions } from "./support/backend.ts";
import { suite } from "./support/suite.ts";
import { someone } from "./support/target.ts";

interface Fault extends RequestOptions {
  readonly ask: readonly [method: string, path: string];
  readonly status: number;
  readonly code: string;
}

const DRAFT = { author: "1", content: "x" };
const MESSAGES = ["POST", "/messages"] as const;
const noKey = { headers: { Authorization: "" } };

const FAULTS: Readonly<Record<string, Fault>> = {
  "publishing without the key": {
    ...noKey,
    ask: MESSAGES,
    body: DRAFT,
    status: 401,
    code: "unauthorized",
  },
  "a body that is no JSON": { ask: MESSAGES, body: "{", status: 400, code: "invalid_json" },
  "a body that is not UTF-8": {
    ask: MESSAGES,
    body: new Uint8Array([0x22, 0xff, 0x22]),
    status: 400,
    code: "invalid_json",
  },
  "a misspelt field": {
    ask: MESSAGES,
    body: { ...DRAFT, chanel: "a" },
    status: 400,
    code: "invalid_body",
  },
  "a body that is not declared as JSON": {
    ask: MESSAGES,
    body: DRAFT,
    headers: { "Content-Type": "text/plain" },
    status: 415,
    code: "unsupported_media_type",
  },
  "a message of 70 KB": {
    ask: MESSAGES,
    body: { author: "1", content: "x".repeat(70_000) },
    status: 413,
    code: "message_too_large",
  },
  "a body of 5 MB": {
    ask: MESSAGES,
    body: Array.from({ length: 100 }, () => ({ author: "1", content: "x".repeat(50_000) })),
    status: 413,
    code: "body_too_large",
  },
  "a path that is not percent-encoded UTF-8": {
    ask: ["GET", "/users/%ff"],
    status: 400,
    code: "invalid_path",
  },
  "an unknown route": { ask: ["GET", "/nope"], status: 404, code: "not_found" },
  "a method that liveness has not": {
    ask: ["POST", "/health/live"],
    status: 405,
    code: "method_not_allowed",
  },
  "a method that a route has not": {
    ask: ["PATCH", "/messages"],
    status: 405,
    code: "method_not_allowed",
  },
};

suite("HTTP", {
  checks: {
    ...Object.fromEntries(
      Object.entries(FAULTS).map(([name, { ask: [method, path], status, code, ...options }]) => [
        `${name} is ${status} ${code}`,
        async ({ backend }) => {
          problem(await backend.request(method, path, options), { status, code });
        },
      ]),
    ),

    "a refused batch publishes none of its messages": async (gateway) => {
      const user = someone();
      await using member = await gateway.member(user);
      const body = [{ user, ...DRAFT }, { user, author: "1" }];
      const answer = await gateway.backend.request("POST", "/messages", { body });
      assert.equal(answer.status, 400);
      await gateway.backend.publish({ user, author: "1", content: "after" });
      assert.deepEqual(await member.nextContents(1), ["after"]);
    },

    "health is 200 while all is well, without a key": async ({ backend }) => {
      for (const path of ["/health", "/health/live"]) {
        const { status, body } = await backend.request("GET", path, noKey);
        assert.deepEqual([status, body], [200, { status: "ok" }], path);
      }
    },
  },
});

suite("health and metrics of one process", {
  oneProcess: true,
  checks: {
    "metrics are in Prometheus's text format, and count connections": async (gateway) => {
      await using _member = await gateway.member(someone());
      const { status, headers, body } = await gateway.backend.request("GET", "/metrics", noKey);
      assert.equal(status, 200);
      assert.match(headers.get("content-type") ?? "", /^text\/plain/);
      const ready = /^\w*connections\{[^}]*phase="ready"[^}]*\} (\d+)$/m.exec(String(body));
      assert.ok(Number(ready?.[1]) >= 1, "a connection in phase ready");
    },

    "the documents for tools name every route and frame": async ({ backend }) => {
      const openapi = await backend.request("GET", "/openapi.json", noKey);
      const { paths } = openapi.body as { paths: Record<string, unknown> };
      for (
        const path of [
          ...["/messages", "/users/{user}", "/gateway", "/login", "/health", "/health/live"],
        ]
      ) {
        assert.ok(path in paths, path);
      }
      const asyncapi = await backend.request("GET", "/asyncapi.json", noKey);
      assert.equal(asyncapi.status, 200);
      for (const name of ["Hello", "Identify", "Ready", "Message", "Heartbeat", "HeartbeatAck"]) {
        assert.ok(JSON.stringify(asyncapi.body).includes(`"${name}"`), name);
      }
    },
  },
});

function problem(
  { status, headers, body }: Answer,
  expected: { status: number; code: string },
): void {
  assert.equal(status, expected.status, JSON.stringify(body));
  assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/);
  const details = body as { status: number; code: string; title: string; detail: string };
  assert.equal(details.status, expected.status);
  assert.equal(details.code, expected.code);
  assert.ok(details.title !== "" && details.detail !== "");
}
