export * from './contract/backend.js';
export * from './contract/change.js';
export * from './contract/checks.js';
export { invariants } from './contract/invariants.js';
export * from './contract/erasure.js';
export {
  checkDataFolder,
  checkStateFile,
  holdsVault,
  makeFolder,
  otherVaultsFolder,
  settingsFile,
  syncFolder,
} from './shared/vault-folder.js';
export { OpenReaders, StorageActivity } from './shared/activity.js';
export { openFilesystemBackend, type FilesystemOptions } from './filesystem/lazy.js';
export { diskRefusal } from './shared/disk-refusal.js';
export { removeStrayCopies } from './lmdb/backup.js';
export type { LmdbReader } from './lmdb/lmdb-reader.js';
export { openLmdbBackend, openLmdbReader, type LmdbOptions } from './lmdb/open.js';
export { restoreLmdb, type RestoredVault, type RestoreOptions } from './lmdb/restore.js';
export { isComplete, type LostConversation, type SalvageReport } from './lmdb/salvage/report.js';
export { salvageLmdb, type SalvageOptions } from './lmdb/salvage/salvage.js';
export { keepHeapLean, leanHeap } from './shared/heap.js';
export { sortedEntries } from './shared/records.js';
export {
  migratePostgres,
  type MigrateOptions,
  type Migrated,
  openPostgresBackend,
  openPostgresStore,
  type PostgresStore,
  type PostgresOptions,
} from './postgres/lazy.js';
export { createMemoryBackend } from './memory/backend.js';
export { MessagePacker, PackedMessages, type MessageSequence } from './contract/packed-messages.js';
export * from './contract/inspection.js';
export * from './contract/filter.js';
export * from './contract/queries.js';
export * from './contract/shared.js';
export * from './contract/space.js';
export * from './contract/usage.js';
export * from './contract/warm.js';
export { inspectVault } from './inspect.js';
