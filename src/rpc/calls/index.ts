export * from './server-stream.js';
export * from './unary.js';
