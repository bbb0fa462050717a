export * from './backend.js';
export * from './change.js';
export * from './checks.js';
export { openFilesystemBackend, type FilesystemOptions } from './filesystem/filesystem-backend.js';
export type { LmdbReader } from './lmdb/lmdb-reader.js';
export { openLmdbBackend, openLmdbReader, type LmdbOptions } from './lmdb/open.js';
export { restoreLmdb, type RestoredVault, type RestoreOptions } from './lmdb/restore.js';
export { createMemoryBackend } from './memory/memory-backend.js';
export * from './queries.js';
