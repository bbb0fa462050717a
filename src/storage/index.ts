export * from './backend.js';
export { openLmdbBackend, type LmdbOptions } from './lmdb/open.js';
export { createMemoryBackend } from './memory/memory-backend.js';
