/** What an app in TypeScript does with the client's types. */

import { GatewayClient, type GatewayClientOptions, GatewayError, type Message } from "@emagine/gateway-client";

const options: GatewayClientOptions = {
  url: "wss://chat.example.com/gateway",
  getToken: async ({ reason, signal }) => `${reason} ${signal}`,
};

export async function read(show: (message: Message) => void): Promise<string | undefined> {
  const gateway = new GatewayClient(options);
  const stop: () => void = gateway.on("disconnect", ({ code, retryInMs = 0 }) => code + retryInMs);
  gateway.on("close", (error) => error instanceof GatewayError && error.closeCode.toFixed());
  for await (const message of gateway) show(message);
  stop();
  await gateway[Symbol.asyncDispose]();
  return gateway.lastId;
}
