export { CallRecord, type CallWatcher, type EndedCall } from './call-record.js';
