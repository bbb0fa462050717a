export { runCli } from './program.js';
export type {
  CliDependencies,
  CopyVault,
  Diagnose,
  MigrateStorage,
  RestoredVault,
  RestoreVault,
  SalvageVault,
  RunningServer,
  StartServer,
} from './context.js';
export type { Io } from './io.js';
export type { Durability, ServeOptions, StorageKind } from './serve/options.js';
