export { AutoCompaction, type AutoCompactionEvents } from './auto.js';
export { Compactor } from './auto.js';
export * from './types.js';
