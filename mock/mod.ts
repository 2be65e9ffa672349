/**
 * Runs the production gateway inside a test of a client: on virtual time, with network faults, a login
 * issuer, and a `WebSocket` class that needs no port (docs/testing-in-process.md). Also exports the doubles
 * of the gateway's own tests.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { createMockGateway } from "@emagine/gateway/mock";
 *
 * await using gateway = await createMockGateway();
 * const socket = new gateway.WebSocket(gateway.wsUrl);
 * const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
 * await gateway.advance(60_000); // It never identifies.
 * assert.equal((await closed).code, 4004);
 * ```
 *
 * @module
 */

export { type ChaosOptions, type ChaosOutcome, runChaos } from "./chaos/chaos.ts";
export type { BrokenClientRule } from "./chaos/client_check.ts";
export type { ClientRule } from "./chaos/client_rules.ts";
export * from "./doubles/clock.ts";
export { createMockGateway, MockGateway } from "./gateway/gateway.ts";
export * from "./doubles/ids.ts";
export * from "./issuer.ts";
export type { DueAction, FaultRules, RuleSubject } from "./gateway/fault_rules.ts";
export type { Faults } from "./gateway/faults.ts";
export type { Target } from "./gateway/links.ts";
export * from "./doubles/logger.ts";
export * from "./doubles/socket.ts";
export type { FaultRule, NewFaultRule, RuleAction, RuleEvent, RuleMatch } from "./gateway/rule.ts";
export type { GatewayDeviation } from "./replay/gateway_check.ts";
export type { ClientRecord, Recording } from "./replay/recording.ts";
export type { LoadedRecording, RecordedVerdict, ReplayOutcome } from "./replay/player.ts";
export { Replay } from "./replay/replay.ts";
export type { TranscriptEntry, TranscriptEvent } from "./gateway/transcript.ts";
export type { Affected, MockConnection, MockGatewayOptions } from "./gateway/types.ts";
export {
  type ClockFollower,
  type FollowingClock,
  VirtualClock,
  type VirtualClockOptions,
} from "./gateway/virtual_clock.ts";
export type { UntypedWebSocket, WebSocketConstructor } from "./gateway/web_socket.ts";
export type { AdmissionOptions } from "../gateway/admission.ts";
export type { ConnectionRateOptions } from "../gateway/connection_rate.ts";
export type { SessionOptions } from "../gateway/protocol/mod.ts";
export type { ConnectionOptions } from "../gateway/session/connection_context.ts";
