export { erase } from './erase.js';
export * from './types.js';
