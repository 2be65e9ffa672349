/**
 * The command and the program that the console copies, as text. tests/browser/copy_test.ts runs them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { clientCodeOf, curlOf } from "../../console/snippets.ts";

const URL = "http://127.0.0.1:8000/messages";

Deno.test("curlOf() is a command with the URL, the key and the body, each one word of a shell", () => {
  const content = JSON.stringify(`it's "quoted" $HOME \`id\` \\`);
  const command = curlOf(
    { target: { channel: "general" }, author: "o'neill", contentJson: content, key: "it's" },
    URL,
  );
  assert.equal(
    command,
    [
      "curl 'http://127.0.0.1:8000/messages' \\",
      "  -H 'Authorization: Bearer it'\\''s' \\",
      "  -H 'Content-Type: application/json' \\",
      `  --data-raw '{"channel":"general","author":"o'\\''neill","content":"it'\\''s \\"quoted\\" $HOME \`id\` \\\\"}'`,
    ].join("\n"),
  );
});

Deno.test("curlOf() takes a key that was not entered from the environment", () => {
  const publication = { target: "everyone", author: "a", contentJson: "1", key: "" } as const;
  assert.match(curlOf(publication, URL), /-H "Authorization: Bearer \$GATEWAY_PUBLISH_KEY" /);
});

Deno.test("clientCodeOf() writes whatever it is given as strings of JavaScript", () => {
  const token = `"); alert('\u2028\\`;
  assert.ok(
    clientCodeOf("ws://a", { token }).includes(`getToken: () => ${JSON.stringify(token)},`),
  );
  const body = JSON.stringify({ user: '"' });
  const code = clientCodeOf("ws://a", { url: "http://a/login", body });
  assert.ok(code.includes(`body: ${JSON.stringify(body)},`));
});
