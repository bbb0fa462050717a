import protobuf from 'protobufjs';
import type { SegmentPart } from '../../vault/index.js';

type SegmentChunk = Extract<SegmentPart, { kind: 'chunk' }>;

const lengthDelimited = 2;

/** Encodes a GetSegmentsResponse that holds a chunk; the tokens' bytes are written as they are, with one copy. */
export function encodeSegmentChunk(part: SegmentChunk): Buffer {
  const writer = protobuf.Writer.create();
  if (part.index !== 0) writer.uint32(1 << 3).uint32(part.index);
  // An ItemStatus of defaults: OK.
  writer.uint32((2 << 3) | lengthDelimited).uint32(0);
  writer.uint32(3 << 3).uint32(part.tokenCount);
  if (part.tokenOffset !== 0) writer.uint32(4 << 3).uint32(part.tokenOffset);
  if (part.content.kind === 'words') {
    writer.uint32((6 << 3) | lengthDelimited).bytes(part.content.bytes);
  } else {
    writer.uint32((5 << 3) | lengthDelimited).fork();
    writer.uint32((1 << 3) | lengthDelimited).bytes(part.content.bytes);
    writer.ldelim();
  }
  if (part.endOfSegment) writer.uint32(7 << 3).bool(true);
  const bytes = writer.finish();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
