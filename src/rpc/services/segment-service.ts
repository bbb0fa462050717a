import { status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { StowkenError } from '../../model/index.js';
import { serverStream, unary } from '../calls/index.js';
import {
  readAddReferences,
  readDeleteSegment,
  readGetSegments,
  readHasSegments,
  readListGarbage,
  readPutSegments,
  readRemoveReferences,
} from '../requests/index.js';
import {
  hasSegmentFields,
  putSegmentFields,
  referenceFields,
  segmentFailureFields,
} from '../segment-responses.js';
import { codeOf } from '../status-codes.js';
import { MessageCodec } from '../wire/codec.js';
import { encodeSegmentChunk } from '../wire/get-segments-response.js';
import { listGarbagePage } from './list-garbage-page.js';
import { requireVault, type ServiceScope } from './scope.js';

const putResponse = new MessageCodec('stowken.v1.PutSegmentsResponse');
const getResponse = new MessageCodec('stowken.v1.GetSegmentsResponse');
const hasResponse = new MessageCodec('stowken.v1.HasSegmentsResponse');
const addResponse = new MessageCodec('stowken.v1.AddReferencesResponse');
const removeResponse = new MessageCodec('stowken.v1.RemoveReferencesResponse');
const deleteResponse = new MessageCodec('stowken.v1.DeleteSegmentResponse');

export function segmentService(scope: ServiceScope): UntypedServiceImplementation {
  const { logger } = scope;
  return {
    PutSegments: unary(
      {
        read: readPutSegments,
        async handle({ vault, input }, signal) {
          const outcomes = await requireVault(scope, vault).putSegments(input, signal);
          return putResponse.encode({ results: outcomes.map(putSegmentFields) });
        },
      },
      logger,
    ),

    GetSegments: serverStream(
      {
        read: readGetSegments,
        async *handle({ vault, hashes, encoding }, signal) {
          for await (const part of requireVault(scope, vault).getSegments({ hashes, encoding }, signal)) {
            if (part.kind === 'chunk') yield [encodeSegmentChunk(part)];
            else {
              logDamage(logger, part.error);
              yield [getResponse.encode(segmentFailureFields(part.index, part.error))];
            }
          }
        },
      },
      logger,
    ),

    HasSegments: unary(
      {
        read: readHasSegments,
        async handle({ vault, hashes }) {
          const outcomes = await requireVault(scope, vault).hasSegments(hashes);
          for (const outcome of outcomes) if (outcome.kind === 'failed') logDamage(logger, outcome.error);
          return hasResponse.encode({ results: outcomes.map(hasSegmentFields) });
        },
      },
      logger,
    ),

    AddReferences: unary(
      {
        read: readAddReferences,
        async handle({ vault, references }) {
          const results = await requireVault(scope, vault).addReferences(references);
          return addResponse.encode({ results: results.map(referenceFields) });
        },
      },
      logger,
    ),

    RemoveReferences: unary(
      {
        read: readRemoveReferences,
        async handle({ vault, references }) {
          const results = await requireVault(scope, vault).removeReferences(references);
          return removeResponse.encode({ results: results.map(referenceFields) });
        },
      },
      logger,
    ),

    DeleteSegment: unary(
      {
        read: readDeleteSegment,
        async handle({ vault, hash }) {
          await requireVault(scope, vault).deleteSegment(hash);
          return deleteResponse.encode({});
        },
      },
      logger,
    ),

    ListGarbage: unary(
      {
        read: readListGarbage,
        handle: async (request) => listGarbagePage(requireVault(scope, request.vault), request),
      },
      logger,
    ),
  };
}

/** Damage that one item met: the call goes on, and the operator must know. */
function logDamage(logger: Logger, error: StowkenError): void {
  if (codeOf[error.reason] === status.DATA_LOSS) logger.error({ err: error }, 'a segment is damaged');
}
