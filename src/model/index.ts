export * from './errors.js';
export * from './limits.js';
export * from './records.js';
export * from './unsafe-characters.js';
