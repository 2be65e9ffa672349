/**
 * Runs the examples of docs/client.md unchanged, against a gateway that forgets messages: an app loads what it
 * missed, also after restarts, and does not load or reload without end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GatewayClient, type GatewayClientOptions } from "../../client/mod.ts";
import { createMockGateway, type MockGateway } from "../../mock/mod.ts";
import { needs, testUnless } from "../permissions.ts";
import { read } from "../tidy/sources.ts";

const UNREAD = needs("read");
const test = testUnless(UNREAD);

const DOCUMENT = UNREAD === undefined ? read("docs/client.md") : "";
const [FIRST = "", STORED = ""] = [...DOCUMENT.matchAll(/```ts ignore\n(.*?)```/gs)]
  .flatMap(([, code = ""]) => code.includes("new GatewayClient({") ? [code] : []);

/** The page of an app. Its storage survives a reload. */
class Page {
  readonly stored = new Map<string, string>();
  readonly clients: GatewayClient[] = [];
  readonly shown: unknown[] = [];
  /** Exceptions that ended the loop. */
  readonly thrown: unknown[] = [];
  loads = 0;
  reloads = 0;
  load: () => Promise<void> = () => Promise.resolve();
  readonly #gateway: MockGateway;
  readonly #code: string;

  constructor(gateway: MockGateway, code: string) {
    this.#gateway = gateway;
    this.#code = code;
  }

  /** Loads the page in place of the previous one. */
  async start(): Promise<void> {
    void this.clients.at(-1)?.close();
    const globals = this.#globals();
    const code = this.#code.replace(/^import .*$/m, "");
    const module = `export default async ({ ${Object.keys(globals)} }) => {${code}};`;
    const { default: run } = await import(`data:text/javascript,${encodeURIComponent(module)}`);
    run(globals).catch((error: unknown) => this.thrown.push(error));
    await this.#gateway.settled();
  }

  /** The globals that the example expects in a page. */
  #globals(): object {
    const { stored, clients } = this;
    const { wsUrl: url, WebSocket, clock } = this.#gateway;
    const getToken = (): Promise<string> => this.#gateway.token({ user: "alice" });
    return {
      GatewayClient: class extends GatewayClient {
        constructor(options: GatewayClientOptions) {
          super({ ...options, url, WebSocket, clock, random: () => 0.5 });
          clients.push(this);
        }
      },
      getToken,
      fetch: async () => Response.json({ token: await getToken() }),
      localStorage: {
        getItem: (key: string) => stored.get(key) ?? null,
        setItem: (key: string, value: string) => void stored.set(key, value),
      },
      location: {
        // The limit of the test; a browser would continue.
        reload: () => void (this.reloads++ < 10 && this.start()),
      },
      load: () => {
        this.loads++;
        return this.load();
      },
      show: ({ content }: { readonly content: unknown }) => void this.shown.push(content),
    };
  }
}

/** Publishes messages that are forgotten while the page is away, and then one more. */
async function forget(gateway: MockGateway): Promise<void> {
  await gateway.publish({ author: "bob", content: "lost" });
  await gateway.advance(120_000);
  await gateway.publish({ author: "bob", content: "later" });
}

test("the first example loads at the start and after a gap, and not after other reconnects", async () => {
  await using gateway = await createMockGateway({ retentionMs: 60_000 });
  const page = new Page(gateway, FIRST);
  await page.start();
  assert.equal(page.loads, 1);
  await gateway.drop();
  await gateway.advance(1000);
  assert.equal(page.loads, 1);
  await gateway.publish({ author: "bob", content: "one" });
  await gateway.drop();
  await gateway.setFaults("all", { delayMs: 150_000 });
  await forget(gateway);
  await gateway.setFaults("all", { delayMs: 0 });
  await gateway.advance(60_000);
  assert.equal(page.loads, 2);
  await gateway.publish({ author: "bob", content: "new" });
  assert.equal(page.shown.at(-1), "new");
  assert.deepEqual([page.reloads, page.thrown], [0, []]);
  await page.clients.at(-1)?.close();
});

test("the example with a stored lastId loads once for a gap, however often it starts again", async () => {
  await using gateway = await createMockGateway({ retentionMs: 60_000 });
  const page = new Page(gateway, STORED);
  await page.start();
  await gateway.publish({ author: "bob", content: "one" });
  assert.deepEqual(page.shown, ["one"]);
  await page.clients[0]?.close();
  await forget(gateway);
  for (let starts = 0; starts < 3; starts++) await page.start();
  assert.equal(page.loads, 2);
  assert.deepEqual([page.reloads, page.thrown], [0, []]);
  await page.clients.at(-1)?.close();
});

test("the example with a stored lastId has its gap again when what it missed could not be loaded", async () => {
  await using gateway = await createMockGateway({ retentionMs: 60_000 });
  const page = new Page(gateway, STORED);
  await page.start();
  await gateway.publish({ author: "bob", content: "one" });
  await page.clients[0]?.close();
  await forget(gateway);
  const before = page.stored.get("lastId");
  const failed = new Error("the backend is away");
  page.load = () => Promise.reject(failed);
  // The loop waits for a message, so the error is uncaught, as in a browser.
  const uncaught: unknown[] = [];
  const hear = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    uncaught.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", hear);
  await page.start();
  globalThis.removeEventListener("unhandledrejection", hear);
  assert.deepEqual(uncaught, [failed]);
  await gateway.publish({ author: "bob", content: "new" });
  assert.deepEqual(page.thrown, [failed]);
  assert.equal(page.stored.get("lastId"), before);
  page.load = () => Promise.resolve();
  await page.start();
  assert.equal(page.loads, 3);
  assert.notEqual(page.stored.get("lastId"), before);
  await page.clients.at(-1)?.close();
});

for (
  const path of [
    "docs/client.md",
    "docs/testing-clients.md",
    "docs/testing-in-process.md",
    "README.md",
    "client/mod.ts",
    "client/client.ts",
  ]
) {
  test(`no example of ${path} reloads the page`, () => {
    assert.doesNotMatch(read(path), /location\.reload/);
  });
}
