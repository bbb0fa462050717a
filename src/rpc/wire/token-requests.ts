import { limits, StowkenError } from '../../model/index.js';
import type { MessageContent, PutSegmentsInput } from '../../vault/index.js';
import { ContentReader } from './content.js';
import { readLengthDelimited, reading, readRepeated, type RepeatedField, StrictReader } from './reader.js';

/** A request with a Prefix, split. */
export interface PrefixRequestParts {
  /** All fields but the prefix, unchanged, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Its tokens are views of the request. */
  readonly content: MessageContent;
}

/** Tags of Prefix. */
const prefixTags = { tokens: (1 << 3) | 2, tokensLe32: (2 << 3) | 2, text: (3 << 3) | 2 } as const;

/** The prefix occurs once, or not at all. */
function prefixField(request: string, name: string): RepeatedField<MessageContent> {
  return { request, name, number: 2, itemsMax: 1, read: (reader) => readPrefix(reader, name) };
}

const findPrefixField = prefixField('FindPrefixRequest', 'prefix');
const findSimilarField = prefixField('FindSimilarRequest', 'content');

export function readFindPrefixRequest(bytes: Buffer, signal: AbortSignal): Promise<PrefixRequestParts> {
  return readPrefixRequest(findPrefixField, bytes, signal);
}

export function readFindSimilarRequest(bytes: Buffer, signal: AbortSignal): Promise<PrefixRequestParts> {
  return readPrefixRequest(findSimilarField, bytes, signal);
}

async function readPrefixRequest(
  field: RepeatedField<MessageContent>,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<PrefixRequestParts> {
  const { fields, items } = await readRepeated(field, bytes, signal);
  return { fields, content: items[0] ?? { kind: 'none' } };
}

function readPrefix(reader: StrictReader, name: string): MessageContent {
  let content: ContentReader | undefined;
  readLengthDelimited(reader, () => {
    content = new ContentReader(reader, name);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === prefixTags.tokens) content.tokens();
      else if (tag === prefixTags.tokensLe32) content.le32();
      else if (tag === prefixTags.text) content.text();
      else reader.skipType(tag & 7);
    }
  });
  return content!.content;
}

type SegmentContent = PutSegmentsInput['contents'][number];

/** A PutSegmentsRequest, split. */
export interface PutSegmentsParts {
  /** All fields but `segments`, unchanged, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Views of the request. */
  readonly contents: SegmentContent[];
}

/** Tags of NewSegment. */
const putSegmentsTags = { tokens: (1 << 3) | 2, tokensLe32: (2 << 3) | 2 } as const;

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
  readLengthDelimited(reader, () => {
    content = new ContentReader(reader, field);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === putSegmentsTags.tokens) content.tokens();
      else if (tag === putSegmentsTags.tokensLe32) content.le32();
      else reader.skipType(tag & 7);
    }
  });
  // Text has no tag in this message.
  return content!.content as SegmentContent;
}

/** Names of an UploadConversationRequest's parts, by field number. */
const partNames = { 1: 'spec', 2: 'message', 3: 'tokens', 4: 'finish', 160: 'attachment' } as const;
export type UploadPartName = (typeof partNames)[keyof typeof partNames];
const partNameOf: Readonly<Record<number, UploadPartName>> = partNames;

/** Tags of UploadTokens: field number << 3 | wire type. */
const uploadTags = { tokens: (1 << 3) | 2, tokensLe32: (2 << 3) | 2, text: (3 << 3) | 2 } as const;
const tokensTag = (3 << 3) | 2;

/**
 * Returns the name of the part in a request.
 * @throws StowkenError INVALID_FIELD if there is none, or more than one
 */
export function uploadPartName(bytes: Buffer): UploadPartName {
  return reading('UploadConversationRequest', () => {
    const reader = new StrictReader(bytes);
    let found: UploadPartName | undefined;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const name = (tag & 7) === 2 ? partNameOf[tag >>> 3] : undefined;
      if (name !== undefined && found !== undefined && name !== found) refuse('holds more than one part');
      found = name ?? found;
      reader.skipType(tag & 7);
    }
    return found ?? refuse('holds no part');
  });
}

/** Reads the content of a request that has tokens; its bytes are views of the request. See ContentReader. */
export function readUploadTokens(bytes: Buffer): MessageContent {
  return reading('UploadConversationRequest', () => {
    const reader = new StrictReader(bytes);
    const content = new ContentReader(reader, 'tokens');
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === tokensTag) readLengthDelimited(reader, () => readBlock(reader, content));
      else reader.skipType(tag & 7);
    }
    return content.content;
  });
}

function readBlock(reader: StrictReader, content: ContentReader): void {
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === uploadTags.tokens) content.tokens();
    else if (tag === uploadTags.tokensLe32) content.le32();
    else if (tag === uploadTags.text) content.text();
    else reader.skipType(tag & 7);
  }
}

function refuse(sentence: string): never {
  throw new StowkenError('INVALID_FIELD', `the request ${sentence}`, { field: 'part' });
}
