import { z } from 'zod';
import { limits } from '../../model/index.js';
import { enumeration, items, pageSize, segmentHash, utf8, vaultName } from './fields.js';
import { ordinaryRequest } from './ordinary.js';
import { refuse } from './parse.js';

export const holderName = utf8(1, limits.holderBytesMax);
const hashes = items(segmentHash, limits.segmentsPerRequestMax);

/** Encoding's values by number; a segment has no tokenizer. */
const encoding = enumeration(['tokens', 'tokens', 'words', 'text']).transform((name, context) =>
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

export const readGetSegments = ordinaryRequest(
  'stowken.v1.GetSegmentsRequest',
  z.object({ vault: vaultName, hashes, encoding }),
);
export const readHasSegments = ordinaryRequest(
  'stowken.v1.HasSegmentsRequest',
  z.object({ vault: vaultName, hashes }),
);
export const readAddReferences = ordinaryRequest('stowken.v1.AddReferencesRequest', references);
export const readRemoveReferences = ordinaryRequest('stowken.v1.RemoveReferencesRequest', references);
export const readDeleteSegment = ordinaryRequest(
  'stowken.v1.DeleteSegmentRequest',
  z.object({ vault: vaultName, hash: segmentHash }),
);
export const readListGarbage = ordinaryRequest('stowken.v1.ListGarbageRequest', garbagePage);
export type ListGarbageRequest = ReturnType<typeof readListGarbage>;
