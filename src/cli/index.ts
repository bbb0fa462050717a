export { makeConversations } from './demo/conversations.js';
export { runCli } from './program.js';
export type { CliDependencies, Io, RunningServer, StartServer } from './context.js';
export type { Durability, ServeOptions, StorageKind } from './serve/options.js';
