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

export * from "./clock.ts";
export {
  type Affected,
  createMockGateway,
  type MockConnection,
  MockGateway,
  type MockGatewayOptions,
} from "./gateway.ts";
export * from "./ids.ts";
export * from "./issuer.ts";
export type { Faults } from "./link.ts";
export type { Target } from "./links.ts";
export * from "./logger.ts";
export * from "./socket.ts";
export type { TranscriptEntry, TranscriptEvent } from "./transcript.ts";
export { VirtualClock, type VirtualClockOptions } from "./virtual_clock.ts";
export type { WebSocketConstructor } from "./web_socket.ts";
