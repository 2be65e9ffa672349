/**
 * The client of the E-Magine Gateway, for browsers, Deno and Node: one small module without dependencies.
 *
 * It connects, identifies, answers heartbeats, comes back after whatever happened and takes up where it was,
 * so that an app has nothing to do but read messages:
 *
 * ```ts ignore
 * const gateway = new GatewayClient({
 *   url: "wss://chat.example.com/gateway",
 *   getToken: async ({ signal }) => {
 *     const response = await fetch("/token", { method: "POST", signal });
 *     if (response.status === 401) return null; // Nobody is logged in: the client closes.
 *     if (!response.ok) throw response;
 *     return (await response.json()).token;
 *   },
 * });
 * // Messages may be missing: load what is shown, in place.
 * gateway.on("gap", () => load());
 * for await (const message of gateway) show(message);
 * ```
 *
 * @module
 */

export { GatewayClient } from "./client.ts";
export { GatewayError } from "./error.ts";
export type {
  ClientClock,
  ClientEvents,
  ClientSocket,
  ClientSocketConstructor,
  ClientState,
  ClientTimer,
  Disconnect,
  GatewayClientOptions,
  Message,
  ReadySession,
  TokenRequest,
} from "./types.ts";
export type { Json } from "../gateway/protocol/json.ts";
