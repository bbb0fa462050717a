export * from './references.js';
export * from './get.js';
export * from './put.js';
