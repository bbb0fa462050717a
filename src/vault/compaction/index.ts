export { Compactor } from './compactor.js';
export type * from './types.js';
