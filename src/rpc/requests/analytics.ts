import { z } from 'zod';
import { limits } from '../../model/index.js';
import { type UsageField, usageFields } from '../../vault/index.js';
import { RequestDecoder } from '../wire/reader.js';
import { enumeration, items, label, optional, pageSize, timestampMs, utf8, vaultName } from './fields.js';
import { refuse, schemaRequest } from './parse.js';

const usageField = z.string().transform((text, context): UsageField => {
  const field = usageFields.find((each) => each === text);
  return field ?? refuse(context, `is none of ${usageFields.join(', ')}`, { value: text.slice(0, 100) });
});

export const readGetUsage = schemaRequest(
  new RequestDecoder('stowken.v1.GetUsageRequest'),
  z
    .object({
      vault: vaultName,
      group_by: items(usageField, usageFields.length),
      labels: items(utf8(1, limits.metadataKeyBytesMax), limits.labelsMax),
      start_time: optional(timestampMs),
      end_time: optional(timestampMs),
      time_zone: label,
    })
    .transform(({ vault, group_by, labels, start_time, end_time, time_zone }) => ({
      vault,
      input: {
        groupBy: group_by,
        labels,
        fromMs: Math.max(0, start_time ?? 0),
        beforeMs: end_time ?? Number.MAX_SAFE_INTEGER,
        timeZone: time_zone,
      },
    })),
);

/** SharedSegmentOrder's values by number. */
const order = enumeration(['tokensSaved', 'tokensSaved', 'references']);

export const readListSharedSegments = schemaRequest(
  new RequestDecoder('stowken.v1.ListSharedSegmentsRequest'),
  z
    .object({ vault: vaultName, order, page_size: pageSize })
    .transform(({ vault, order, page_size }) => ({ vault, input: { order, limit: page_size } })),
);
