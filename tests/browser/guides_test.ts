/**
 * Runs the files of docs/guides.md: React and tabs in Chromium, and React Native in a realm with its globals, each
 * against a gateway.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createContext, runInContext } from "node:vm";
import type { BrowserContext, Page } from "playwright-core";
import type { GatewayClient } from "../../client/mod.ts";
import { createMockGateway } from "../../mock/mod.ts";
import { GatewayProcess } from "../conformance/support/process.ts";
import { eventually, LIMIT_MS } from "../conformance/support/wait.ts";
import { skip } from "../conformance/support/suite.ts";
import { testUnless, variable } from "../permissions.ts";
import { browser, FORBIDDEN, NO_CHROMIUM } from "./support/chromium.ts";
import { App, bundleGuides } from "./support/guides.ts";

/** A gateway, an app, and a browser's profile. */
interface Scene {
  readonly gateway: GatewayProcess;
  readonly app: App;
  readonly files: ReadonlyMap<string, string>;
  /** Opens a page, and fails the test if an error is logged there. */
  readonly open: (path: string) => Promise<Page>;
  readonly context: BrowserContext;
}

let started: Promise<readonly [GatewayProcess, ReadonlyMap<string, string>]> | undefined;

async function start(): Promise<readonly [GatewayProcess, ReadonlyMap<string, string>]> {
  const gateway = await GatewayProcess.start();
  return [gateway, await bundleGuides(gateway.wsUrl)];
}

Deno.test.afterAll(async () => {
  await (await started)?.[0][Symbol.asyncDispose]();
});

function guideTest(name: string, run: (scene: Scene) => Promise<void>): void {
  if (FORBIDDEN !== undefined) return testUnless(FORBIDDEN)(name, () => {});
  if (NO_CHROMIUM !== undefined && variable("CI") !== "true") return skip(name, NO_CHROMIUM);
  // The gateway and the browser outlive a test.
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn });
  async function fn(): Promise<void> {
    const [gateway, files] = await (started ??= start());
    await using app = new App(gateway, files);
    const context = await (await browser()).newContext();
    context.setDefaultTimeout(LIMIT_MS);
    const faults: string[] = [];
    context.on("weberror", (fault) => faults.push(fault.error().message));
    context.on("console", (line) => line.type() === "error" && faults.push(line.text()));
    const open = async (path: string): Promise<Page> => {
      const page = await context.newPage();
      await page.goto(app.url + path);
      return page;
    };
    try {
      await run({ gateway, app, files, open, context });
    } finally {
      await context.close();
    }
    assert.deepEqual(faults, []);
    await gateway.presence("alice", 0);
  }
}

const PAGE = (script: string): string =>
  `<!doctype html><link rel="icon" href="data:,"><div id="root"></div>` +
  `<script>var seen = [];</script><script type="module" src="/${script}"></script>`;

/** The WebSockets that a page opened. */
function sockets(page: Page): string[] {
  const urls: string[] = [];
  page.on("websocket", (socket) => void urls.push(socket.url()));
  return urls;
}

const say = (gateway: GatewayProcess, content: string) =>
  gateway.backend.publish({ user: "alice", author: "bob", content });

guideTest(
  "React: StrictMode mounts twice and makes one connection, which ends with the app",
  async ({ app, gateway, context }) => {
    app.stored = [{ id: "1", author: "bob", content: "stored" }];
    app.pages.set("/", PAGE("main.js"));
    const page = await context.newPage();
    const opened = sockets(page);
    await page.addInitScript(`const real = fetch;
      globalThis.asked = 0;
      globalThis.fetch = (url, options) => (asked += url === "/token", real(url, options));`);
    await page.goto(app.url);
    await page.locator("main[data-state=ready] p").waitFor();
    assert.equal(await page.evaluate("asked"), 2, "mounted twice");
    assert.deepEqual([opened.length, app.loads], [1, 1]);
    await say(gateway, "live");
    await page.getByText("bob: live").waitFor();
    assert.deepEqual(await page.locator("p").allTextContents(), ["bob: stored", "bob: live"]);
    await gateway.presence("alice", 1);
  },
);

guideTest(
  "server-side rendering: the page goes on after the position that it was rendered at",
  async ({ app, gateway, files, open }) => {
    const server = files.get("server.js") ?? "";
    const { page: render } = await import(`data:text/javascript,${encodeURIComponent(server)}`);
    const lastId = await gateway.backend.position();
    const messages = [{ id: "1", author: "bob", content: "</script><b>rendered" }];
    const html: string = render({ messages, lastId });
    assert.match(html, /<main data-state="disconnected"><p>bob<!-- -->: <!-- -->&lt;\/script&gt;/);
    await say(gateway, "meanwhile");
    app.pages.set("/", `<link rel="icon" href="data:,">${html}`);
    const page = await open("/");
    await page.getByText("bob: meanwhile").waitFor();
    assert.deepEqual(
      await page.locator("p").allTextContents(),
      ["bob: </script><b>rendered", "bob: meanwhile"],
    );
    assert.equal(app.loads, 0);
  },
);

for (const how of ["a SharedWorker", "Web Locks"] as const) {
  guideTest(
    `one connection for all tabs, by ${how}, and the rest go on when a tab closes`,
    async ({ app, gateway, open, context }) => {
      if (how === "Web Locks") await context.addInitScript("delete window.SharedWorker");
      app.pages.set("/", PAGE("page.js"));
      const seen = (page: Page): Promise<readonly unknown[]> => page.evaluate("seen");
      const until = async (page: Page, what: (seen: readonly unknown[]) => boolean) => {
        await eventually(
          `a tab to see what is due`,
          async () => what(await seen(page)) || undefined,
        );
      };
      const isReady = (events: readonly unknown[]): boolean => String(events).includes("ready");
      const first = await open("/");
      await until(first, isReady);
      const second = await open("/");
      await until(second, isReady);
      await say(gateway, "one");
      for (const page of [first, second]) await until(page, (events) => events.includes("one"));
      await gateway.presence("alice", 1);
      await first.close();
      await say(gateway, "two");
      await until(second, (events) => events.includes("two"));
      await say(gateway, "three");
      await until(second, (events) => events.includes("three"));
      const contents = (await seen(second)).filter((event) => typeof event === "string");
      assert.deepEqual(contents, ["one", "two", "three"]);
      await gateway.presence("alice", 1);
    },
  );
}

/** The globals of React Native that apps and libraries use; `window` is no page. */
const NATIVE_GLOBALS = [
  ...["console", "fetch", "Headers", "Request", "Response", "FormData", "Blob", "File"],
  ...["AbortController", "AbortSignal", "URL", "URLSearchParams", "queueMicrotask"],
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval"],
];
const MISSING_THERE = [
  ...["document", "location", "EventTarget", "Event", "addEventListener", "BroadcastChannel"],
  ...["structuredClone", "crypto", "TextDecoder", "reportError", "atob", "localStorage"],
];

guideTest(
  "React Native: an app leaves in the background and resumes, without what is missing there",
  async ({ files }) => {
    await using gateway = await createMockGateway();
    const { clock } = gateway;
    let appState = (_: string): void => {};
    let network = (_: object): void => {};
    const realm = createContext({
      ...Object.fromEntries(NATIVE_GLOBALS.map((name) => [name, Reflect.get(globalThis, name)])),
      fetch: () =>
        Promise.resolve({ ok: true, status: 200, json: async () => ({ token: await token() }) }),
      WebSocket: class extends gateway.WebSocket {
        constructor() {
          super(gateway.wsUrl);
        }
      },
      setTimeout: (callback: () => void, ms: number) => clock.setTimer(ms, callback),
      clearTimeout: (timer: { cancel(): void }) => timer.cancel(),
      performance: { now: () => clock.steady() },
      navigator: { product: "ReactNative" },
      phone: {
        AppState: {
          currentState: "active",
          addEventListener: (_: string, listener: typeof appState) => void (appState = listener),
        },
        NetInfo: { addEventListener: (listener: typeof network) => void (network = listener) },
      },
    });
    const token = () => gateway.token({ user: "alice" });
    runInContext("var window = globalThis, self = globalThis, global = globalThis;", realm);
    for (const name of MISSING_THERE) {
      assert.equal(runInContext(`typeof ${name}`, realm), "undefined", name);
    }
    const code = (files.get("native.js") ?? "").replace(/export \{([^}]*)\};/, "({$1});");
    const app: { readonly gateway: GatewayClient } = runInContext(`"use strict";${code}`, realm);
    const contents: unknown[] = [];
    app.gateway.on("message", ({ content }) => contents.push(content));
    await gateway.settled();
    assert.equal(app.gateway.state, "ready");
    appState("inactive");
    appState("background");
    await gateway.settled();
    assert.deepEqual([app.gateway.state, gateway.connections], ["disconnected", []]);
    await gateway.publish({ author: "bob", content: "missed" });
    await gateway.advance(600_000);
    appState("active");
    await gateway.settled();
    assert.deepEqual(contents, ["missed"]);
    await gateway.advance(2000);
    await gateway.freeze();
    network({ isConnected: true });
    await gateway.advance(5000);
    assert.equal(app.gateway.state, "waiting", "the check found the dead connection");
    await app.gateway.close();
  },
);
