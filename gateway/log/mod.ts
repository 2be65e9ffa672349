/**
 * The message logs. One contract suite (`tests/contract/`) runs against all of them.
 *
 * @module
 */

export { keyReused } from "./limits.ts";
export { formatMessageId, type MessageId, parseMessageId } from "./message_id.ts";
export { type JetStreamLogOptions, openJetStreamLog } from "./jetstream/log.ts";
export { type StreamOptions } from "./jetstream/open.ts";
export { RevocationTable } from "./revocations.ts";
export { createMemoryLog, type MemoryLogOptions } from "./memory.ts";
export {
  openLogOn,
  openSqliteLog,
  type SqliteLogOptions,
  type StoreLogOptions,
} from "./sqlite/log.ts";
export {
  type Appended,
  type AppendOutcome,
  type AppendRequest,
  inOwnThread,
  type Instant,
  type NewRow,
  type ReadRequest,
  type ReadResult,
  type RevokeRequest,
  type Row,
  type StampedRow,
  type Store,
  type StoreOptions,
  type StoreState,
  type SyncStore,
} from "./sqlite/store_types.ts";
export { RetentionClock } from "./sqlite/retention.ts";
export { type SerializedError, serializeError } from "./sqlite/serialize_error.ts";
