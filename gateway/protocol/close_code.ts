/**
 * The numbers of the close codes. `codes.ts` has their meaning. Its own file, so that the client library's types
 * have nothing else of the protocol.
 *
 * @module
 */

/** A close code, for the author of a client (docs/protocol.md, "Close codes"). */
export interface CloseCodeInfo {
  /** The number in the close frame. */
  readonly code: number;
  /** The client may try again with the same token. */
  readonly reconnect: boolean;
}

/** Every code with which the gateway closes a connection, by name. */
export const CloseCode = {
  ProtocolError: { code: 1002, reconnect: false },
  InvalidText: { code: 1007, reconnect: false },
  TooManyFragments: { code: 1008, reconnect: false },
  MessageTooBig: { code: 1009, reconnect: false },
  InternalError: { code: 1011, reconnect: true },
  ServiceRestart: { code: 1012, reconnect: true },
  TryAgainLater: { code: 1013, reconnect: true },
  Malformed: { code: 4001, reconnect: false },
  HeartbeatTimeout: { code: 4002, reconnect: true },
  IdentifyFailed: { code: 4003, reconnect: false },
  IdentifyTimeout: { code: 4004, reconnect: true },
  RateLimited: { code: 4008, reconnect: true },
  SlowConsumer: { code: 4009, reconnect: true },
  Disconnected: { code: 4010, reconnect: false },
  Replaced: { code: 4011, reconnect: false },
} as const satisfies Readonly<Record<string, CloseCodeInfo>>;

/** The name of a close code. */
export type CloseCodeName = keyof typeof CloseCode;
