export * from './backend.js';
export { openLmdbBackend, type LmdbOptions } from './lmdb/lmdb-backend.js';
export { createMemoryBackend } from './memory/memory-backend.js';
