/**
 * The client of the E-Magine Gateway, for browsers, Node, Bun and Deno: one small module without dependencies.
 *
 * It connects, identifies, answers heartbeats, reconnects and resumes. The app reads messages:
 *
 * ```ts ignore
 * const gateway = new GatewayClient({
 *   url: "wss://chat.example.com/gateway",
 *   getToken: async ({ signal }) => {
 *     const response = await fetch("/token", { method: "POST", signal });
 *     if (response.status === 401) return null; // Logged out: the client closes.
 *     if (!response.ok) throw response;
 *     return (await response.json()).token;
 *   },
 * });
 * // Messages may be missing: reload what is shown.
 * gateway.on("gap", () => load());
 * for await (const message of gateway) show(message);
 * ```
 *
 * @module
 */

export { GatewayClient } from "./client.ts";
export { GatewayError } from "./error.ts";
export { CloseCode } from "../gateway/protocol/codes.ts";
export type { CloseCodeInfo } from "../gateway/protocol/codes.ts";
export type {
  ClientClock,
  ClientEvents,
  ClientSocket,
  ClientSocketConstructor,
  ClientState,
  ClientTimer,
  Disconnect,
  GatewayClientOptions,
  LogEvent,
  LogRecord,
  Message,
  MessageIterator,
  ReadySession,
  Signal,
  TokenRequest,
} from "./types.ts";
export type { Json } from "../gateway/protocol/json_type.ts";
