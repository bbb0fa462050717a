export { defaultPort, parseAddress } from './address.js';
export type * from './analytics-types.js';
export type * from './similar-types.js';
export type * from './compaction.js';
export type {
  EraseGap,
  EraseOptions,
  ErasePart,
  ErasePhase,
  EraseReceipt,
  SharedContent,
} from './erasure.js';
export { connect, type StowkenClient } from './client.js';
export type { HealthState } from './health.js';
export { ClientError, isClientError, isUnreachable } from './errors.js';
export type { Preparation } from './preparation.js';
export type { RetryPolicy } from './retry.js';
export { AdminClient } from './admin-client.js';
export { SegmentClient } from './segment-client.js';
export type * from './segment-types.js';
export { isTokenId } from './messages.js';
export type * from './connection-types.js';
export type * from './content-types.js';
export type * from './write-types.js';
export type * from './read-types.js';
export type * from './maintenance-types.js';
export type * from './vault-types.js';
export type { VerifyNote, VerifyOptions, VerifyPart, VerifyPhase, Violation } from './verify.js';
