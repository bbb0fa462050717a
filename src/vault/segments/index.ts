export * from './garbage.js';
export * from './get.js';
export * from './put.js';
export * from './references.js';
