export { type DataOf, takeData } from './data.js';
export { inDialect } from './dialects.js';
export type { Draft, DraftMessage, DraftSpec } from './draft.js';
export { isList, isObject, type Json, type JsonObject } from './json.js';
export { readMessage } from './messages.js';
export { readDocument, type ReadOptions, sessionShapeOf } from './read.js';
export { documentsOf, type StoredMessage, type StoredSpec } from './render.js';
export { OpenSession } from './sessions.js';
export { formats } from './table.js';
