/**
 * The faults of a connection.
 *
 * @module
 */

/** Faults of a connection's network, in force while they are set. */
export interface Faults {
  /** The client gets no Heartbeats; the gateway sees each as acknowledged. */
  readonly stopHeartbeats: boolean;
  /** The client gets no ACKs of its own Heartbeats. */
  readonly withholdAcks: boolean;
  /** The client's ACKs are lost, so that the gateway sees it as silent. */
  readonly loseClientAcks: boolean;
  /** Latency each way, in milliseconds of virtual time. */
  readonly delayMs: number;
}

export const NO_FAULTS: Faults = {
  stopHeartbeats: false,
  withholdAcks: false,
  loseClientAcks: false,
  delayMs: 0,
};
