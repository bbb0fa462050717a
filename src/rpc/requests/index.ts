export * from './compact.js';
export * from './delete.js';
export * from './get.js';
export * from './list.js';
export * from './maintenance.js';
export * from './retrieve.js';
export * from './size.js';
export * from './store.js';
