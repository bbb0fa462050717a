export type { CallScope, StopCall } from './begin.js';
export * from './client-stream.js';
export * from './server-stream.js';
export * from './unary.js';
