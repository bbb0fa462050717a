export * from './analytics.js';
export * from './conversation-writes.js';
export * from './admin.js';
export * from './maintenance.js';
export * from './conversation-reads.js';
export * from './segments.js';
export * from './parse.js';
export * from './upload.js';
