export { makeConversations } from './demo/conversations.js';
export { runCli } from './program.js';
export type {
  CliDependencies,
  Io,
  RestoredVault,
  RestoreVault,
  RunningServer,
  StartServer,
} from './context.js';
export type { Durability, ServeOptions, StorageKind } from './serve/options.js';
