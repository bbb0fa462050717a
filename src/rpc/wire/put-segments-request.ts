import { limits } from '../../model/index.js';
import type { PutSegmentsInput } from '../../vault/index.js';
import { ContentReader } from './content.js';
import { inside } from './inside.js';
import { readRepeated, type RepeatedField } from './repeated.js';
import type { StrictReader } from './strict-reader.js';

type SegmentContent = PutSegmentsInput['contents'][number];

/** A PutSegmentsRequest taken apart. */
export interface PutSegmentsParts {
  /** All fields but `segments`, as they arrived, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Views of the request. */
  readonly contents: SegmentContent[];
}

/** Tags of NewSegment. */
const tags = { tokens: (1 << 3) | 2, tokensLe32: (2 << 3) | 2 } as const;

const segmentsField: RepeatedField<SegmentContent> = {
  request: 'PutSegmentsRequest',
  name: 'segments',
  number: 2,
  itemsMax: limits.segmentsPerRequestMax,
  read: readNewSegment,
};

export async function readPutSegmentsRequest(bytes: Buffer, signal: AbortSignal): Promise<PutSegmentsParts> {
  const { fields, items } = await readRepeated(segmentsField, bytes, signal);
  return { fields, contents: items };
}

function readNewSegment(reader: StrictReader, field: string): SegmentContent {
  let content: ContentReader | undefined;
  inside(reader, () => {
    content = new ContentReader(reader, field);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === tags.tokens) content.tokens();
      else if (tag === tags.tokensLe32) content.words();
      else reader.skipType(tag & 7);
    }
  });
  // Text has no tag here.
  return content!.content as SegmentContent;
}
