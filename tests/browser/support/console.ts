/**
 * The console as a visitor uses it: fields and buttons by their labels, and the text that it shows.
 *
 * It waits for events, never for a fixed time.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { eventually } from "../../conformance/support/wait.ts";

/** The states of the client, as the page shows them. */
export type ClientState = "not made" | "connecting" | "connected" | "waiting" | "paused" | "over";

export class ConsolePage {
  /** The page in Playwright. */
  readonly page: Page;

  /** For a page that shows the console. */
  constructor(page: Page) {
    this.page = page;
  }

  card(name: string): Locator {
    return this.page.getByRole("region", { name, exact: true });
  }

  /** Clicks a button, once it is enabled. */
  async press(name: string): Promise<void> {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  /** Logs in at the mock issuer, as the user that the page suggests. */
  async logIn(user?: string): Promise<void> {
    const card = this.card("Log in");
    const field = card.getByLabel("User", { exact: true });
    if (user !== undefined) await field.fill(user);
    // The script of a new page must first suggest a user.
    const name = await eventually("somebody to log in as", async () => {
      return await field.inputValue() || undefined;
    });
    await this.press("Log in");
    await card.getByRole("definition").getByText(name, { exact: true }).waitFor();
  }

  /** Connects, and waits until the session is ready. */
  async connect(): Promise<void> {
    await this.press("Connect");
    await this.clientIs("connected");
  }

  /** Waits for a state of the client. */
  async clientIs(state: ClientState): Promise<void> {
    await this.card("Connect").locator("[aria-current]").getByText(state, { exact: true })
      .waitFor();
  }

  /** Waits for a state of the session in the diagram. */
  async sessionIs(phase: string): Promise<void> {
    await this.page.getByRole("img", { name: `This one is ${phase}.` }).waitFor();
  }

  /** Publishes text to the channel `general`, and waits for the answer. */
  async publish(content: string): Promise<void> {
    const card = this.card("Publish");
    await card.getByRole("textbox", { name: "Content", exact: true }).fill(content);
    await this.press("Publish");
    await card.getByText(/^201: stored as/).waitFor();
  }

  /** Waits until a message with this content is in the list. */
  async message(content: string): Promise<Locator> {
    const row = this.messages().filter({ has: this.page.getByText(content, { exact: true }) });
    await row.first().waitFor();
    return row;
  }

  messages(): Locator {
    return this.card("See it arrive").getByRole("listitem");
  }

  /** The text that a copy button puts on the clipboard. */
  async copied(name: string): Promise<string> {
    await this.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await this.page.evaluate("navigator.clipboard.writeText('')");
    await this.press(name);
    return await eventually(`what ${name} copied`, async () => {
      return await this.page.evaluate<string>("navigator.clipboard.readText()") || undefined;
    });
  }

  /** The contents of the messages in the list, in order. */
  async contents(): Promise<readonly string[]> {
    return await this.messages().locator(".content").allTextContents();
  }

  /** The rows of frames with this name, the newest first. */
  frames(name: string): Locator {
    const rows = this.card("Frames as they pass").getByRole("listitem");
    return rows.filter({ has: this.page.locator(".name").getByText(name, { exact: true }) });
  }

  /** Waits for the explanation of the last close. */
  async closedWith(code: number, name: string): Promise<Locator> {
    const heading = this.page.getByRole("heading", { name: `Closed with ${code} ${name}` });
    await heading.waitFor();
    return this.page.locator("#close");
  }

  /** Asserts that the page is not wider than its window. */
  async assertNoSidewaysScroll(): Promise<void> {
    const [wanted, has] = await this.page.evaluate<readonly [number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    assert.equal(wanted, has, "the page is as wide as what shows it");
  }
}
