/**
 * The wire protocol, version 1, as pure code: codes, frames and the session reducer. {@linkcode reduce} has an
 * example.
 *
 * @module
 */

export {
  CLOSE_ADVICE,
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
  SignalFrame,
} from "./frame_types.ts";
export { decode, type Decoded, encode } from "./frames.ts";
export type { Json } from "./json_type.ts";
export { isName } from "./names.ts";
export { RATE_LIMIT } from "./rate_limit.ts";
export { initial, nextDeadline, reduce } from "./session.ts";
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
  SessionInput,
  SessionOptions,
  SessionState,
  Step,
  UnidentifiedState,
  VerifyingState,
} from "./session_types.ts";
