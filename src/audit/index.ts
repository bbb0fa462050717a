export { AuditFile, type AuditFigures } from './audit-file.js';
export { Auditor } from './auditor.js';
export {
  type AuditEvent,
  type AuditPage,
  type AuditQuery,
  type AuditSink,
  type AuditSource,
  methodName,
  type RecordedEvent,
} from './event.js';
export { noAudit } from './no-audit.js';
