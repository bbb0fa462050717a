import type { StowkenError } from '../model/index.js';
import type { HasSegmentOutcome, PutSegmentOutcome, ReferenceResult } from '../vault/index.js';
import { itemStatusFields } from './item-status.js';

type Fields = Record<string, unknown>;

export function putSegmentFields(outcome: PutSegmentOutcome): Fields {
  if (outcome.kind === 'failed') return { status: itemStatusFields(outcome.error) };
  return { status: itemStatusFields(), hash: outcome.hash, token_count: outcome.tokenCount };
}

export function segmentFailureFields(index: number, error: StowkenError): Fields {
  return { index, status: itemStatusFields(error), end_of_segment: true };
}

export function hasSegmentFields(outcome: HasSegmentOutcome): Fields {
  if (outcome.kind === 'failed') return { status: itemStatusFields(outcome.error) };
  if (outcome.kind === 'absent') return { status: itemStatusFields(), found: false };
  const { tokenCount, refCount } = outcome;
  return { status: itemStatusFields(), found: true, token_count: tokenCount, ref_count: refCount };
}

export function referenceFields(result: ReferenceResult): Fields {
  if (result.kind === 'failed') return { status: itemStatusFields(result.error) };
  return { status: itemStatusFields(), ref_count: result.refCount };
}
