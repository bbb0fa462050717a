export type { CallRecord } from './call-record.js';
export { CallWatch } from './call-watch.js';
export type { CallWatcher, EndedCall } from './ended-call.js';
