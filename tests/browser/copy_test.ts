/**
 * Commands and programs that the console copies do elsewhere what the page does: the command publishes, the
 * program receives, and the command for heartbeats starts a gateway with them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { buildClient, CLIENT_NAME } from "../../tools/build_packages.ts";
import { end, Output } from "../conformance/support/child.ts";
import { ConsolePage } from "./support/console.ts";
import { browserTest } from "./support/suite.ts";

/** Text that a shell, JSON or JavaScript would misread if it were not quoted. */
const HOSTILE = `it's "quoted" $HOME \${HOME} \`id\` $(id) !! \\ \\n ' '' @file 100% Zoë 😀`;

browserTest(
  "the copied curl command publishes in a shell as the page does",
  async ({ visitor }) => {
    const tab = new ConsolePage(await visitor.open());
    await tab.logIn(HOSTILE);
    await tab.connect();
    const card = tab.card("Publish");
    const content = card.getByRole("textbox", { name: "Content", exact: true });
    const text = `${HOSTILE}\nand a second line`;
    await content.fill(text);
    await run(await tab.copied("Copy as curl"));
    await tab.message(text.split("\n")[0] ?? "");
    await card.getByLabel("a user", { exact: true }).check();
    await card.getByLabel("User", { exact: true }).fill(HOSTILE);
    await card.getByLabel("JSON", { exact: true }).check();
    await content.fill(JSON.stringify({ [HOSTILE]: [HOSTILE, null] }, null, 2));
    await run(await tab.copied("Copy as curl"));
    await tab.messages().nth(1).waitFor();
    const [first, second] = await tab.contents();
    assert.equal(first, text);
    assert.deepEqual(JSON.parse(second ?? ""), { [HOSTILE]: [HOSTILE, null] });
    // Not JSON, so nothing is copied.
    await content.fill("{");
    const curl = card.getByRole("button", { name: "Copy as curl" });
    assert.equal(await curl.getAttribute("aria-disabled"), "true");
  },
);

/** Runs a command in bash. Throws unless it succeeds and the gateway answers with an id. */
async function run(command: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", command],
    stdin: "null",
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, error);
  assert.match(out ?? "", /^\{"id":"[^"]+","time":\d+\}$/, command);
}

browserTest(
  "the copied client code is a program that receives",
  async ({ gateway, visitor }) => {
    const tab = new ConsolePage(await visitor.open());
    const copy = tab.page.getByRole("button", { name: "Copy as client code" });
    assert.equal(await copy.getAttribute("aria-disabled"), "true");
    await tab.logIn(HOSTILE);
    const folder = await Deno.makeTempDir();
    try {
      await buildClient(`${folder}/client`);
      await Deno.writeTextFile(`${folder}/program.mjs`, await tab.copied("Copy as client code"));
      const imports = { [CLIENT_NAME]: "./client/emagine-client.js" };
      await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ imports }));
      const program = new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-lock", "--allow-net=127.0.0.1", "program.mjs"],
        cwd: folder,
        env: { NO_COLOR: "1" },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = new Output(program);
      try {
        await output.line("that it is ready", (line) => line === `ready as ${HOSTILE}`);
        await gateway.backend.publish({
          channel: "general",
          author: "bob",
          content: "for programs",
        });
        await output.line("the message", (line) => /content: "for programs"/.test(line));
      } finally {
        await end(program, "SIGKILL");
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

browserTest("text is copied where a browser has no clipboard for pages", async ({ visitor }) => {
  // As over HTTP from another machine.
  const tab = new ConsolePage(await visitor.open());
  await tab.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await tab.page.evaluate(
    "Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined })",
  );
  const curl = tab.page.getByRole("button", { name: "Copy as curl" });
  await curl.click();
  const copied = tab.page.getByRole("button", { name: "Copied" });
  await copied.waitFor();
  await copied.and(tab.page.locator(":focus")).waitFor();
  await curl.waitFor();
  await tab.page.evaluate("delete navigator.clipboard");
  const text = await tab.page.evaluate<string>("navigator.clipboard.readText()");
  assert.match(text, /^curl 'http:/);
  await tab.page.evaluate(
    "Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined }); document.execCommand = () => false",
  );
  await curl.click();
  await tab.page.getByRole("status").getByText(/^Not copied: the browser/).waitFor();
});
