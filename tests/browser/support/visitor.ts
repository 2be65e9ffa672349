/**
 * A visitor of the console: opens pages of one gateway in a browser, and records what must not happen on any of
 * them: an error in the browser's console, an uncaught error, a request to another host.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { LIMIT_MS } from "../../conformance/support/wait.ts";

export interface OpenOptions extends
  Pick<
    BrowserContextOptions,
    "colorScheme" | "hasTouch" | "isMobile" | "reducedMotion" | "viewport"
  > {
  /** Path and query; `/` by default. */
  readonly path?: string;
}

/** A phone of usual size, for {@linkcode OpenOptions}. */
export const PHONE = {
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
} as const;

/** Opens pages of the gateway at `url`, each in its own profile. */
export class Visitor implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #url: string;
  readonly #contexts: BrowserContext[] = [];
  readonly #faults: string[] = [];
  readonly #allowed: RegExp[] = [];

  /** @param url of the gateway, without a path */
  constructor(browser: Browser, url: string) {
    this.#browser = browser;
    this.#url = url;
  }

  /** Opens a page; pages that it opens are watched too. */
  async open({ path = "/", ...options }: OpenOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 900 },
      // Countdowns redraw once a second, so that hidden pages leave the machine to other tests.
      reducedMotion: "reduce",
      ...options,
    });
    this.#contexts.push(context);
    context.setDefaultTimeout(LIMIT_MS);
    context.on("page", (page) => this.#watch(page));
    context.on("request", (request) => this.#look(request.url()));
    const page = await context.newPage();
    await page.goto(`${this.#url}${path}`);
    return page;
  }

  /** Expects errors that match from now on, such as a refused request. */
  allow(error: RegExp): void {
    this.#allowed.push(error);
  }

  /** Writes a screenshot of `page` to the folder `BROWSER_SCREENSHOTS`, if that is set. */
  async shoot(page: Page, name: string): Promise<void> {
    const folder = Deno.env.get("BROWSER_SCREENSHOTS");
    if (folder !== undefined) {
      await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
    }
  }

  /** Writes a screenshot of every open page, like {@linkcode shoot}. */
  async shootAll(name: string): Promise<void> {
    const pages = this.#contexts.flatMap((context) => context.pages());
    for (const [at, page] of pages.entries()) await this.shoot(page, `${name} ${at + 1}`);
  }

  /** Throws if something happened that must not. */
  check(): void {
    const faults = this.#faults.filter((fault) =>
      !this.#allowed.some((error) => error.test(fault))
    );
    assert.deepEqual(faults, [], "what the pages must not do");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#contexts) await context.close();
  }

  #watch(page: Page): void {
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      this.#faults.push(`console error: ${message.text()} (${message.location().url})`);
    });
    page.on(
      "pageerror",
      (error) => void this.#faults.push(`error: ${error.stack ?? error.message}`),
    );
    page.on("crash", () => void this.#faults.push("the page crashed"));
    page.on("websocket", (socket) => this.#look(socket.url()));
  }

  #look(address: string): void {
    const { host, protocol } = new URL(address);
    if (protocol === "blob:" || protocol === "data:" || host === new URL(this.#url).host) return;
    this.#faults.push(`request to another host: ${address}`);
  }
}
