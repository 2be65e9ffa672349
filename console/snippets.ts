/**
 * Makes code to copy: a command that publishes, and a program that receives. Both contain the keys and
 * tokens that were entered, so they are never displayed. Pure.
 *
 * @module
 */

import { bodyOf, type Publication } from "./api.ts";

/** The environment variable for a command without a key. */
const KEY_VARIABLE = "$GATEWAY_PUBLISH_KEY";

/** Returns a POSIX shell command that publishes the message at `url`. */
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

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The source of a program's tokens. */
export type TokenOrigin =
  /** The mock issuer: its route and the request's body. */
  | { readonly url: string; readonly body: string }
  /** A pasted token, for which the page knows no issuer. */
  | { readonly token: string };

/** Returns a program that connects to `url` and prints each message. */
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
