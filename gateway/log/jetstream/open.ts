/**
 * Finds or creates the stream, and updates its limits to the options.
 *
 * @module
 */

import {
  DiscardPolicy,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { OperationalError } from "../../errors.ts";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Clock, IdGenerator, Logger } from "../../ports.ts";
import { delay, toError } from "../../util.ts";
import { ANSWER_TIMEOUT_MS, apiCode, epochOf, Stream } from "./stream.ts";
import { DEFAULT_RETENTION_MS, DEFAULT_REVOCATION_MS, IDEMPOTENCY_MS } from "../limits.ts";

export interface StreamOptions {
  /** The caller closes it. */
  readonly nats: NatsConnection;
  /** For message times and timeouts. */
  readonly clock: Clock;
  /** For the epoch of a new stream. */
  readonly ids: IdGenerator;
  readonly logger: Logger;
  /** The stream's name. */
  readonly stream: string;
  /** The prefix of its subjects. */
  readonly subject: string;
  /** Servers of the cluster that store it. */
  readonly replicas: number;
  /** Age at which messages are removed, in milliseconds; at least 24 hours, and 24 hours if not given. */
  readonly retentionMs?: number;
  /** Most bytes on each server; without limit if not given. */
  readonly retentionBytes?: number;
  /** Time for which a revocation of tokens holds, in milliseconds; 720 hours if not given. */
  readonly revocationMs?: number;
}

/** A stream's settings that may change at a restart. */
type StreamLimits = Pick<
  StreamConfig,
  "num_replicas" | "max_age" | "max_bytes" | "max_msgs_per_subject" | "duplicate_window"
>;

const RETRY_MS = 1000;
const NANOS_PER_MS = 1_000_000;
/** NATS has to remember repetitions for a while, which revocations have no use for. */
const REVOCATION_WINDOW_MS = 1000;

/** JetStream API errors for which a retry does not help. */
const FATAL: ReadonlyMap<number, string> = new Map([
  [10047, "its servers have not so much space as the stream may take"],
  [10052, "it does not take such a stream"],
  [10065, "another stream has these subjects"],
  [10074, "it is no cluster, and the stream is to have replicas"],
]);
const NO_STREAM = 10059;
const NAME_TAKEN = 10058;

interface OpenedStream {
  readonly stream: Stream;
  readonly epoch: string;
}

/** Opens the stream of messages and commands. Retries until NATS is available. */
export function openStream(options: StreamOptions): Promise<OpenedStream> {
  const { replicas, retentionMs = DEFAULT_RETENTION_MS, retentionBytes = -1 } = options;
  return open(options, {
    num_replicas: replicas,
    // NATS refuses a `max_age` below `duplicate_window`.
    max_age: Math.max(retentionMs, IDEMPOTENCY_MS) * NANOS_PER_MS,
    max_bytes: retentionBytes,
    max_msgs_per_subject: -1,
    duplicate_window: IDEMPOTENCY_MS * NANOS_PER_MS,
  });
}

/** Opens the stream of revocations, which has the newest of each user. Retries as {@linkcode openStream} does. */
export function openRevocationStream(options: StreamOptions): Promise<OpenedStream> {
  const { stream, subject, replicas, revocationMs = DEFAULT_REVOCATION_MS } = options;
  // Below the subject of what nodes tell each other, for which they have permissions already.
  const names = { stream: `${stream}-revocations`, subject: `${subject}-nodes.revocations` };
  return open({ ...options, ...names }, {
    num_replicas: replicas,
    max_age: revocationMs * NANOS_PER_MS,
    max_bytes: -1,
    max_msgs_per_subject: 1,
    duplicate_window: REVOCATION_WINDOW_MS * NANOS_PER_MS,
  });
}

async function open(options: StreamOptions, limits: StreamLimits): Promise<OpenedStream> {
  const { nats, clock, logger, stream: name, subject } = options;
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: ANSWER_TIMEOUT_MS });
  for (let failures = 0;; failures++) {
    try {
      const found = await findOrCreate(manager, options, limits);
      const epoch = epochOf(found);
      if (epoch === undefined || found.subjects?.join() !== `${subject}.>`) {
        throw new OperationalError(
          "bad_configuration",
          `the stream ${name} of NATS is of another program or has another subject`,
        );
      }
      await updateLimits(manager, { found, limits, logger });
      const logsConnection = limits.max_msgs_per_subject === -1;
      return {
        epoch,
        stream: new Stream({ nats, manager, clock, logger, name, subject, epoch, logsConnection }),
      };
    } catch (cause) {
      if (cause instanceof OperationalError) throw cause;
      const error = toError(cause);
      const fatal = FATAL.get(apiCode(error) ?? 0);
      if (fatal !== undefined) {
        const message = `NATS refuses the stream ${name}: ${fatal}`;
        throw new OperationalError("bad_configuration", message, { cause });
      }
      if (failures === 0) {
        logger.warn("stream unavailable; retrying", { stream: name, error });
      }
    }
    await delay(clock, RETRY_MS);
  }
}

async function findOrCreate(
  manager: JetStreamManager,
  options: StreamOptions,
  limits: StreamLimits,
): Promise<StreamConfig> {
  const { stream: name, subject, ids } = options;
  const existing = async (): Promise<StreamConfig | undefined> => {
    try {
      return (await manager.streams.info(name)).config;
    } catch (error) {
      if (apiCode(error) === NO_STREAM) return undefined;
      throw error;
    }
  };
  const found = await existing();
  if (found !== undefined) return found;
  try {
    const made = await manager.streams.add({
      name,
      subjects: [`${subject}.>`],
      description: `Messages of the E-Magine Gateway, epoch ${ids.next()}`,
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      deny_delete: false,
      ...limits,
    });
    return made.config;
  } catch (error) {
    // Another node was faster.
    if (apiCode(error) !== NAME_TAKEN) throw error;
    const theirs = await existing();
    if (theirs === undefined) throw error;
    return theirs;
  }
}

async function updateLimits(
  manager: JetStreamManager,
  { found, limits, logger }: {
    readonly found: StreamConfig;
    readonly limits: StreamLimits;
    readonly logger: Logger;
  },
): Promise<void> {
  const same = found.num_replicas === limits.num_replicas && found.max_age === limits.max_age &&
    found.max_bytes === limits.max_bytes && found.duplicate_window === limits.duplicate_window &&
    found.max_msgs_per_subject === limits.max_msgs_per_subject;
  if (same) return;
  logger.info("updating stream limits", { stream: found.name });
  await manager.streams.update(found.name, { ...found, ...limits });
}
