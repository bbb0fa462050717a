import { z } from 'zod';
import { limits } from '../../model/index.js';
import type { PutSegmentsInput } from '../../vault/index.js';
import { RequestDecoder } from '../wire/reader.js';
import { readPutSegmentsRequest } from '../wire/token-requests.js';
import { enumeration, items, pageSize, segmentHash, utf8, vaultName } from './fields.js';
import { checkFieldsSize, schemaRequest, parse, refuse } from './parse.js';

export const holderName = utf8(1, limits.holderBytesMax);
const hashes = items(segmentHash, limits.segmentsPerRequestMax);

/** Encoding's values by number; a segment has no tokenizer. */
const encoding = enumeration(['tokens', 'tokens', 'le32', 'text']).transform((name, context) =>
  name === 'text' ? refuse(context, 'is ENCODING_TEXT, which segments do not have', { value: name }) : name,
);

const reference = z.object({ hash: segmentHash, holder: holderName });
const references = z.object({
  vault: vaultName,
  references: items(reference, limits.segmentsPerRequestMax),
});

const garbagePage = z
  .object({ vault: vaultName, page_size: pageSize, page_token: z.string() })
  .transform(({ vault, page_size, page_token }) => ({ vault, pageSize: page_size, pageToken: page_token }));

export const readGetSegments = schemaRequest(
  new RequestDecoder('stowken.v1.GetSegmentsRequest'),
  z.object({ vault: vaultName, hashes, encoding }),
);
export const readHasSegments = schemaRequest(
  new RequestDecoder('stowken.v1.HasSegmentsRequest'),
  z.object({ vault: vaultName, hashes }),
);
export const readAddReferences = schemaRequest(
  new RequestDecoder('stowken.v1.AddReferencesRequest'),
  references,
);
export const readRemoveReferences = schemaRequest(
  new RequestDecoder('stowken.v1.RemoveReferencesRequest'),
  references,
);
export const readDeleteSegment = schemaRequest(
  new RequestDecoder('stowken.v1.DeleteSegmentRequest'),
  z.object({ vault: vaultName, hash: segmentHash }),
);
export const readListGarbage = schemaRequest(
  new RequestDecoder('stowken.v1.ListGarbageRequest'),
  garbagePage,
);
export type ListGarbageRequest = ReturnType<typeof readListGarbage>;

const putSegmentsSchema = z.object({ vault: vaultName, holder: utf8(0, limits.holderBytesMax) });
const putSegmentsCodec = new RequestDecoder('stowken.v1.PutSegmentsRequest');

export interface PutSegmentsRequest {
  readonly vault: string;
  readonly input: PutSegmentsInput;
}

export async function readPutSegments(bytes: Buffer, signal: AbortSignal): Promise<PutSegmentsRequest> {
  const { fields, contents } = await readPutSegmentsRequest(bytes, signal);
  checkFieldsSize(fields.length);
  const { vault, holder } = parse(putSegmentsSchema, putSegmentsCodec.decode(fields));
  return { vault, input: { contents, holder: holder === '' ? undefined : holder } };
}
