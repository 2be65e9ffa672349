/**
 * What the page does, as text to use elsewhere: a command that publishes, and a program that listens.
 *
 * Pure. Both hold what was entered on the page, keys and tokens too: they are made when somebody copies them,
 * and are never shown.
 *
 * @module
 */

import { bodyOf, type Publication } from "./api.ts";

/** Without a key the command takes it from this variable of the environment. */
const KEY_VARIABLE = "$GATEWAY_PUBLISH_KEY";

/** A command of a POSIX shell that publishes the same message at `url`. */
export function curlOf(publication: Publication, url: string): string {
  const { key } = publication;
  const scheme = "Authorization: Bearer ";
  return [
    `curl ${shellQuoted(url)}`,
    `-H ${key === "" ? `"${scheme}${KEY_VARIABLE}"` : shellQuoted(scheme + key)}`,
    `-H ${shellQuoted("Content-Type: application/json")}`,
    `--data-raw ${shellQuoted(bodyOf(publication))}`,
  ].join(" \\\n  ");
}

/** One word of a shell, whatever is in it. */
function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Where a program gets its tokens. */
export type TokenOrigin =
  /** The mock issuer: its route and what it is sent. */
  | { readonly url: string; readonly body: string }
  /** The issuer of an app, which the page cannot ask. */
  | { readonly token: string };

/** A program that connects to `url` with the client library, and prints each message. */
export function clientCodeOf(url: string, origin: TokenOrigin): string {
  return `import { GatewayClient } from "@emagine/gateway-client";

const gateway = new GatewayClient({
  url: ${JSON.stringify(url)},
${"token" in origin ? tokenLines(origin.token) : loginLines(origin)}
});
gateway.on("ready", ({ user }) => console.log("ready as", user));
for await (const message of gateway) console.log(message);
`;
}

function tokenLines(token: string): string {
  return `  // It expires: in your app, ask your backend for a new one each time.
  getToken: () => ${JSON.stringify(token)},`;
}

function loginLines({ url, body }: { readonly url: string; readonly body: string }): string {
  return `  // The issuer of a development start. In your app, your backend gives the token.
  getToken: async ({ signal }) => {
    const response = await fetch(${JSON.stringify(url)}, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: ${JSON.stringify(body)},
      signal,
    });
    if (!response.ok) throw response;
    return (await response.json()).token;
  },`;
}
