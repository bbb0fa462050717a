import { status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { StowkenError } from '../../model/index.js';
import {
  readAddReferences,
  readDeleteSegment,
  readGetSegments,
  readHasSegments,
  readListGarbage,
  readPutSegments,
  readRemoveReferences,
} from '../requests/index.js';
import { hasSegmentFields, putSegmentFields, referenceFields, segmentFailureFields } from '../responses.js';
import { codeOf } from '../errors.js';
import { ResponseEncoder } from '../wire/response-encoder.js';
import { encodeSegmentChunk } from '../wire/token-responses.js';
import { listGarbagePage } from './pages.js';
import { type ServiceScope, VaultMethods } from './vault-methods.js';

const putResponse = new ResponseEncoder('stowken.v1.PutSegmentsResponse');
const getResponse = new ResponseEncoder('stowken.v1.GetSegmentsResponse');
const hasResponse = new ResponseEncoder('stowken.v1.HasSegmentsResponse');
const addResponse = new ResponseEncoder('stowken.v1.AddReferencesResponse');
const removeResponse = new ResponseEncoder('stowken.v1.RemoveReferencesResponse');
const deleteResponse = new ResponseEncoder('stowken.v1.DeleteSegmentResponse');

export function segmentService(scope: ServiceScope): UntypedServiceImplementation {
  const { logger } = scope;
  const methods = new VaultMethods(scope);
  return {
    PutSegments: methods.unary(readPutSegments, async (vault, { input }, signal) => {
      const outcomes = await vault.putSegments(input, signal);
      return putResponse.encode({ results: outcomes.map(putSegmentFields) });
    }),

    GetSegments: methods.stream(
      readGetSegments,
      (vault, { hashes, encoding }, signal) => vault.getSegments({ hashes, encoding }, signal),
      (part) => {
        if (part.kind === 'chunk') return [encodeSegmentChunk(part)];
        logDamage(logger, part.error);
        return [getResponse.encode(segmentFailureFields(part.index, part.error))];
      },
    ),

    HasSegments: methods.unary(readHasSegments, async (vault, { hashes }) => {
      const outcomes = await vault.hasSegments(hashes);
      for (const outcome of outcomes) if (outcome.kind === 'failed') logDamage(logger, outcome.error);
      return hasResponse.encode({ results: outcomes.map(hasSegmentFields) });
    }),

    AddReferences: methods.unary(readAddReferences, async (vault, { references }) => {
      const results = await vault.addReferences(references);
      return addResponse.encode({ results: results.map(referenceFields) });
    }),

    RemoveReferences: methods.unary(readRemoveReferences, async (vault, { references }) => {
      const results = await vault.removeReferences(references);
      return removeResponse.encode({ results: results.map(referenceFields) });
    }),

    DeleteSegment: methods.unary(readDeleteSegment, async (vault, { hash }) => {
      await vault.deleteSegment(hash);
      return deleteResponse.encode({});
    }),

    ListGarbage: methods.unary(readListGarbage, listGarbagePage),
  };
}

/** Logs damage of one item: the call goes on, and the operator must know. */
function logDamage(logger: Logger, error: StowkenError): void {
  if (codeOf[error.reason] === status.DATA_LOSS) logger.error({ err: error }, 'a segment is damaged');
}
