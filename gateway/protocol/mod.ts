/**
 * The wire protocol, version 1, as pure code: codes, frames and the session reducer.
 *
 * ```ts
 * import { decode, initial, reduce } from "@emagine/gateway/protocol";
 *
 * const options = {
 *   heartbeatIntervalMs: 45_000,
 *   identifyTimeoutMs: 10_000,
 *   verifyTimeoutMs: 10_000,
 *   closeGraceMs: 1000,
 *   rateLimitFrames: 120,
 *   rateLimitWindowMs: 60_000,
 * };
 * const [unidentified, [hello]] = reduce(initial(), { at: 0, type: "opened" }, options);
 * const decoded = decode('{"op":1,"token":"a JWT"}', 4096);
 * const event = { at: 20, type: "frameReceived", decoded } as const;
 * const [verifying, [verify]] = reduce(unidentified, event, options);
 * console.log(hello, verifying.phase, verify); // send Hello, "verifying", verifyToken
 * ```
 *
 * @module
 */

export {
  CLOSE_WHEN,
  CloseCode,
  type CloseCodeInfo,
  type CloseCodeName,
  type CloseCodeValue,
  closeInfo,
  closeName,
  Op,
  OP_INFO,
  type OpInfo,
  type OpName,
  opName,
  type ViolationCode,
} from "./codes.ts";
export type {
  ClientFrame,
  Heartbeat,
  HeartbeatAck,
  Hello,
  Identify,
  MessageFrame,
  Ready,
  ServerFrame,
} from "./frame_types.ts";
export { decode, type Decoded, encode } from "./frames.ts";
export type { Json } from "./json.ts";
export { isName } from "./names.ts";
export { initial, nextDeadline, RATE_LIMIT, reduce } from "./session.ts";
export type {
  Claims,
  ClosedState,
  ClosingState,
  Identification,
  LocatingState,
  NewState,
  Open,
  Phase,
  ReadyState,
  Reduce,
  SessionEffect,
  SessionEvent,
  SessionOptions,
  SessionState,
  Step,
  UnidentifiedState,
  VerifyingState,
} from "./session_types.ts";
