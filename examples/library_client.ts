/**
 * A client on the client library, which prints what its app sees as JSON lines.
 *
 *     deno run --allow-net --allow-env --allow-sys examples/library_client.ts
 *
 * @module
 */

import { GatewayClient, GatewayError } from "../client/mod.ts";

const env = (name: string, preset: string): string => Deno.env.get(name) ?? preset;
const loginUrl = env("GATEWAY_LOGIN_URL", "http://127.0.0.1:8000/login");
const user = env("GATEWAY_USER", "alice");
const print = (line: object): void => console.log(JSON.stringify(line));

const gateway = new GatewayClient({
  url: env("GATEWAY_URL", "ws://127.0.0.1:8000/gateway"),
  getToken: async ({ signal }) => {
    const response = await fetch(loginUrl, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user, password: "any" }),
      signal,
    });
    if (!response.ok) throw response;
    return (await response.json()).token;
  },
});

gateway.on("ready", () => print({ ready: true }));
gateway.on("gap", () => print({ gap: true }));
Deno.addSignalListener("SIGTERM", () => void gateway.close());

try {
  for await (const message of gateway) print({ message: message.id });
  await gateway.closed;
} catch (error) {
  if (!(error instanceof GatewayError)) throw error;
  print({ ended: String(error.closeCode) });
}
Deno.exit();
