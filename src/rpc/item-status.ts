import { status } from '@grpc/grpc-js';
import type { StowkenError } from '../model/index.js';
import { codeOf } from './status-codes.js';

/** An item's failure as an ItemStatus; without one, OK. */
export function itemStatusFields(error?: StowkenError): Record<string, unknown> {
  if (error === undefined) return { code: status.OK };
  return {
    code: codeOf[error.reason],
    reason: error.reason,
    message: error.message,
    metadata: error.metadata,
  };
}
