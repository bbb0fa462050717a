export { AutoCompaction, type AutoCompactionEvents } from './auto.js';
export { Compactor } from './compactor.js';
export * from './types.js';
