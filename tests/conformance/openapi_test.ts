/**
 * The OpenAPI document against its gateway: for every operation, valid and invalid requests are generated from
 * its schemas, with the right key. Every answer must be listed.
 *
 * One seed gives the same requests each time. A failure prints the request.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { RequestOptions } from "./support/backend.ts";
import { OpenApi, type Parameter, type Place } from "./support/openapi.ts";
import { invalidValues, validValues } from "./support/schema_values.ts";
import { suite } from "./support/suite.ts";
import type { Target } from "./support/target.ts";

const SEED = 20_260_101;
/** The number of valid requests for each operation, and of invalid ones. */
const RUNS = 60;

/** A request. */
interface Ask extends RequestOptions {
  readonly path: string;
}

/** Problems that may answer a valid request, by operation. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "connect upgrade_required": "a plain HTTP request is no WebSocket handshake",
  "history expired": "a made-up `after` is no id of this gateway",
  "publish idempotency_key_reused": "another request has used the key for another body",
};

/** The ingredients of a request; each is valid, or one is not. */
interface Parts {
  readonly parameters: readonly (readonly [Parameter, unknown])[];
  readonly body?: unknown;
}

/** The parts of requests; `spoil` names the invalid one: a parameter by its place, or `body`. */
function partsOf(
  openApi: OpenApi,
  { operation }: Place,
  spoil?: number | "body",
): fc.Arbitrary<Parts> {
  const { parameters = [], requestBody } = operation;
  const values = parameters.map((parameter, at): fc.Arbitrary<unknown> => {
    if (at === spoil) {
      return invalidValues(openApi, parameter.schema).filter((each) => isSendable(parameter, each));
    }
    const good = validValues(openApi, parameter.schema)
      .filter((each) => isSendable(parameter, each));
    return parameter.required === true ? good : fc.option(good, { nil: undefined });
  });
  const schema = requestBody?.content?.["application/json"]?.schema;
  const body = schema === undefined
    ? fc.constant(undefined)
    : spoil === "body"
    ? invalidValues(openApi, schema)
    : validValues(openApi, schema);
  return fc.tuple(fc.tuple(...values), body).map(([given, content]) => ({
    parameters: parameters.map((parameter, at) => [parameter, given[at]] as const)
      .filter(([, value]) => value !== undefined),
    ...schema === undefined ? {} : { body: JSON.stringify(content) },
  }));
}

/** True if a value survives as text in its place and leads to the same route. */
function isSendable({ in: place, schema }: Parameter, value: unknown): boolean {
  if (schema.type === "object") {
    return typeof value === "object" && value !== null && !Array.isArray(value) &&
      Object.values(value).every((each) => typeof each === "string");
  }
  if (schema.type === "integer") return typeof value === "number";
  if (schema.type === "array") {
    return Array.isArray(value) && value.every((each) => typeof each === "string");
  }
  if (typeof value !== "string") return false;
  // A client removes dots from a path, and trims a header.
  if (place === "path") return !["", ".", ".."].includes(value);
  return place === "query" ||
    /^[\x21-\x7e\xa1-\xff](?:[\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa1-\xff])?$/.test(value);
}

function ask({ path }: Place, { parameters, body }: Parts): Ask {
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let target = path;
  for (const [{ in: place, name, explode }, value] of parameters) {
    const fields: readonly (readonly [string, unknown])[] = Array.isArray(value)
      ? value.map((each) => [name, each])
      : explode === true && typeof value === "object" && value !== null
      ? Object.entries(value)
      : [[name, value]];
    for (const [key, each] of fields) {
      if (place === "query") query.append(key, String(each));
      else if (place === "header") headers[key] = String(each);
      else target = target.replace(`{${key}}`, () => encodeURIComponent(String(each)));
    }
  }
  const search = query.size === 0 ? "" : `?${query}`;
  return { path: target + search, headers, ...body === undefined ? {} : { body } };
}

/** Requests that the document does not allow. */
function invalidAsks(openApi: OpenApi, place: Place): fc.Arbitrary<Ask> | undefined {
  const { parameters = [], requestBody, security } = place.operation;
  const good = partsOf(openApi, place).map((parts) => ask(place, parts));
  const faults: fc.Arbitrary<Ask>[] = parameters.map((_, at) =>
    partsOf(openApi, place, at).map((parts) => ask(place, parts))
  );
  if (requestBody !== undefined) {
    faults.push(partsOf(openApi, place, "body").map((parts) => ask(place, parts)));
    const bodies = ["", "{", "nul", "[1,]", "\ufeff{}", new Uint8Array([0x22, 0xff, 0x22])];
    const types = ["", "text/plain", "application/json; charset=latin1", "application/xml"];
    const other = (options: RequestOptions) =>
      good.map((each) => ({
        ...each,
        ...options,
        headers: { ...each.headers, ...options.headers },
      }));
    faults.push(
      ...bodies.map((body) => other({ body })),
      ...types.map((type) => other({ headers: { "Content-Type": type } })),
      other({ headers: { "Content-Encoding": "gzip" } }),
    );
  }
  if (security !== undefined) {
    for (const value of ["", "Bearer", "Bearer devil", "Basic dev", "dev"]) {
      const authorization = { Authorization: value };
      faults.push(
        good.map((each) => ({ ...each, headers: { ...each.headers, ...authorization } })),
      );
    }
  }
  return faults.length === 0 ? undefined : fc.oneof(...faults);
}

/** Sends requests of `asks`, and passes the status of each answer to `expect`. */
async function send(
  gateway: Target,
  { openApi, place, asks, numRuns }: {
    readonly openApi: OpenApi;
    readonly place: Place;
    readonly asks: fc.Arbitrary<Ask>;
    readonly numRuns: number;
  },
  expect: (status: number, code: string) => void,
): Promise<void> {
  const property = fc.asyncProperty(asks, async ({ path, ...options }) => {
    const answer = await gateway.backend.request(place.method, path, options);
    try {
      openApi.judge(place, answer);
      const { code = "" } = Object(answer.body) as { readonly code?: string };
      expect(answer.status, code);
    } catch (error) {
      const seen = JSON.stringify({ status: answer.status, body: answer.body });
      throw new Error(`${place.method} ${path} answered ${seen}`, { cause: error });
    }
  });
  await fc.assert(property, { seed: SEED, numRuns, endOnFailure: true });
}

suite("OpenAPI", {
  oneProcess: true,
  checks: {
    "every answer to every operation is one that the document lists": async (gateway) => {
      const document = await gateway.backend.request("GET", "/openapi.json");
      const openApi = new OpenApi(document.body);
      const unused = new Set(Object.keys(EXCEPTIONS));
      assert.ok(openApi.places.length >= 16);
      for (const place of openApi.places) {
        const { operationId } = place.operation;
        const invalid = invalidAsks(openApi, place);
        const numRuns = invalid === undefined ? 1 : RUNS;
        const asks = partsOf(openApi, place).map((parts) => ask(place, parts));
        await send(gateway, { openApi, place, asks, numRuns }, (status, code) => {
          if (status < 300) return;
          assert.ok(`${operationId} ${code}` in EXCEPTIONS, "a request that it allows is refused");
          unused.delete(`${operationId} ${code}`);
        });
        if (invalid === undefined) continue;
        await send(gateway, { openApi, place, asks: invalid, numRuns }, (status) => {
          assert.ok(status >= 400 && status < 500, "a request that it does not allow is taken");
        });
      }
      assert.deepEqual([...unused], [], "exceptions that no request met");
      const metrics = await gateway.backend.request("GET", "/metrics");
      assert.match(String(metrics.body), /^gateway_bugs_total 0$/m);
    },
  },
});
