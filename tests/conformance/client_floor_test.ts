/**
 * The client in the oldest browsers that docs/client.md supports: a realm with the language and the globals of
 * 2021, and nothing later.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createContext, runInContext } from "node:vm";
import type { GatewayClient, GatewayClientOptions } from "../../client/mod.ts";
import { createMockGateway } from "../../mock/mod.ts";
import { bundle } from "../../tools/bundler.ts";
import { mask } from "../tidy/mask.ts";
import { processTest } from "./support/suite.ts";

/** Later features of engines, to remove from each object of the language. */
const NEWER: Readonly<Record<string, readonly string[]>> = {
  "Array": ["fromAsync"],
  "Array.prototype": [
    ...["at", "findLast", "findLastIndex", "toSorted", "toReversed", "toSpliced", "with"],
  ],
  "Map": ["groupBy"],
  "Object": ["groupBy", "hasOwn"],
  "Promise": ["try", "withResolvers"],
  "RegExp": ["escape"],
  "Set.prototype": ["difference", "intersection", "isSubsetOf", "symmetricDifference", "union"],
  "String.prototype": ["at", "isWellFormed", "toWellFormed"],
  "globalThis": [
    "queueMicrotask",
    "Iterator",
    "Temporal",
    "Float16Array",
    "SuppressedError",
    "AsyncDisposableStack",
  ],
};

/** Standard, without `canParse`, `parse` and setters. */
class PlainUrl {
  readonly href: string;
  constructor(url: string, base?: string) {
    this.href = new URL(url, base).href;
    Object.freeze(this);
  }
}

/** Standard, without `reason`, `any`, `timeout` and `throwIfAborted`. */
class PlainAbortController {
  readonly signal = { aborted: false };
  abort(): void {
    this.signal.aborted = true;
  }
}

/** The client's classes in a realm with nothing else: no `EventTarget`, `atob`, `queueMicrotask`, `crypto`… */
async function oldRealm(code: string): Promise<{ readonly GatewayClient: typeof GatewayClient }> {
  const realm = createContext({
    ...{ URL: PlainUrl, AbortController: PlainAbortController, performance: { now: () => 0 } },
    ...{ console, setTimeout, clearTimeout, told: {} },
  });
  for (const [object, names] of Object.entries(NEWER)) {
    for (const name of names) runInContext(`delete ${object}.${name}`, realm);
  }
  // Its fields cannot be deleted.
  runInContext(
    "Symbol = Object.assign(((Full) => () => Full())(Symbol), { asyncIterator: Symbol.asyncIterator })",
    realm,
  );
  assert.equal(runInContext("Symbol.asyncDispose", realm), undefined);
  for (const name of ["atob", "queueMicrotask", "EventTarget", "structuredClone", "reportError"]) {
    assert.equal(runInContext(`typeof ${name}`, realm), "undefined", name);
  }
  const exported = /export \{([^}]*)\};/;
  assert.match(code, exported);
  return await runInContext(`"use strict";${code.replace(exported, "({$1});")}`, realm);
}

async function build(): Promise<string> {
  const output = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const flags = ["--no-config", "--no-lock"];
    await bundle({ entry: "client/mod.ts", output, readable: true, flags });
    return await Deno.readTextFile(output);
  } finally {
    await Deno.remove(output);
  }
}

processTest("the client needs no global or method that is newer than its floor", async () => {
  const { GatewayClient } = await oldRealm(await build());
  await using gateway = await createMockGateway();
  const errors: Error[] = [];
  const contents: unknown[] = [];
  const reasons: string[] = [];
  const options: GatewayClientOptions = {
    url: "https://gateway.example/gateway",
    WebSocket: class extends gateway.WebSocket {
      constructor() {
        super(gateway.wsUrl);
      }
    },
    clock: gateway.clock,
    random: () => 0.5,
    getToken: ({ reason }) => {
      reasons.push(reason);
      if (reasons.length === 1) return Promise.reject("no login service");
      return gateway.token({ user: "alice", expiresInS: 60 });
    },
  };
  const client = new GatewayClient(options);
  client.on("error", (error) => errors.push(error));
  client.on("message", ({ content }) => contents.push(content));
  await gateway.advance(1000);
  assert.deepEqual(errors.map(({ cause }) => cause), ["no login service"]);
  await gateway.publish({ author: "bob", content: "one" });
  await gateway.drop();
  await gateway.publish({ author: "bob", content: "two" });
  await gateway.advance(1000);
  // Without `atob` it cannot read when the token expires, so the gateway closes with 4003.
  await gateway.advance(60_000);
  await gateway.publish({ author: "bob", content: "three" });
  assert.deepEqual(contents, ["one", "two", "three"]);
  assert.deepEqual(reasons, ["start", "start", "refused"]);
  assert.equal(client.state, "ready");
  const closing = client.close();
  await gateway.advance(1000);
  await closing;
  assert.throws(() => new GatewayClient({ ...options, url: "gateway" }), { name: "TypeError" });
  assert.throws(() => new GatewayClient({ ...options, WebSocket: undefined }), {
    message: /there is no global WebSocket here/,
  });
});

processTest("the client has no syntax that is newer than its floor", async () => {
  const code = mask(await build());
  for (
    const [what, pattern] of Object.entries({
      "a static block": /\bstatic\s*\{/,
      "a brand check": /#\w+ in /,
      "await at the top level": /^await /m,
      "using": /\busing \w+ =/,
    })
  ) assert.doesNotMatch(code, pattern, what);
});
