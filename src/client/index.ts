export type * from './compaction.js';
export { connect, StowkenClient } from './client.js';
export { ClientError, isClientError, isUnreachable } from './errors.js';
export type { RetryPolicy } from './retry.js';
export { SegmentClient } from './segment-client.js';
export type * from './segment-types.js';
export { isTokenId } from './tokens.js';
export type { CallControl } from './transport.js';
export type * from './types.js';
