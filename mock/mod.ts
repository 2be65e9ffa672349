/**
 * The real gateway for tests of clients, in one process with them: virtual time, a network with faults, a
 * login issuer, and a `WebSocket` class that needs no port (docs/testing-clients.md). With it, the doubles
 * that the gateway's own tests are made of.
 *
 * ```ts
 * await using gateway = await createMockGateway();
 * const client = new MyClient({ WebSocket: gateway.WebSocket, url: gateway.wsUrl });
 * await gateway.advance(45_000);
 * ```
 *
 * @module
 */

export * from "./doubles/clock.ts";
export {
  type Affected,
  createMockGateway,
  type MockConnection,
  MockGateway,
  type MockGatewayOptions,
} from "./gateway/gateway.ts";
export * from "./doubles/ids.ts";
export * from "./issuer.ts";
export type { Faults } from "./gateway/link.ts";
export type { Target } from "./gateway/links.ts";
export * from "./doubles/logger.ts";
export * from "./doubles/socket.ts";
export type { TranscriptEntry, TranscriptEvent } from "./gateway/transcript.ts";
export { VirtualClock, type VirtualClockOptions } from "./gateway/virtual_clock.ts";
export type { WebSocketConstructor } from "./gateway/web_socket.ts";
export type { AdmissionOptions } from "../gateway/admission.ts";
export type { ConnectionRateOptions } from "../gateway/connection_rate.ts";
export type { SessionOptions } from "../gateway/protocol/mod.ts";
export type { ConnectionOptions } from "../gateway/session/connection_context.ts";
