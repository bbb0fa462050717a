export * from './types.js';
export * from './vault.js';
