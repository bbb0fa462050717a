import { StowkenError } from '../model/index.js';
import type { AuditSink, AuditSource } from './event.js';

/** The audit log of a server that keeps none. */
export const noAudit: AuditSink & AuditSource = {
  record: () => undefined,
  list: async () =>
    Promise.reject(
      new StowkenError('AUDIT_LOG_OFF', 'the server keeps no audit log: it was started with --audit-log off'),
    ),
};
