export type * from './compaction/index.js';
export * from './types.js';
export * from './vault.js';
