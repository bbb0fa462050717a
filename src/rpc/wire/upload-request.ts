import { StowkenError } from '../../model/index.js';
import type { MessageContent } from '../../vault/index.js';
import { reading } from './codec.js';
import { ContentReader } from './content.js';
import { inside } from './inside.js';
import { StrictReader } from './strict-reader.js';

/** The parts of an UploadConversationRequest, by their field numbers. */
const partNames = [undefined, 'spec', 'message', 'tokens', 'finish'] as const;
export type UploadPartName = NonNullable<(typeof partNames)[number]>;

/** Tags of UploadTokens: field number << 3 | wire type. */
const tags = { tokens: (1 << 3) | 2, tokensLe32: (2 << 3) | 2, text: (3 << 3) | 2 } as const;
const tokensTag = (3 << 3) | 2;

/** Which part a request holds. @throws StowkenError INVALID_FIELD when none, or more than one */
export function uploadPartName(bytes: Buffer): UploadPartName {
  return reading('UploadConversationRequest', () => {
    const reader = new StrictReader(bytes);
    let found: UploadPartName | undefined;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      const name = (tag & 7) === 2 ? partNames[tag >>> 3] : undefined;
      if (name !== undefined && found !== undefined && name !== found) refuse('holds more than one part');
      found = name ?? found;
      reader.skipType(tag & 7);
    }
    return found ?? refuse('holds no part');
  });
}

/** The content of a request that holds tokens; their bytes are views of it. See ContentReader. */
export function readUploadTokens(bytes: Buffer): MessageContent {
  return reading('UploadConversationRequest', () => {
    const reader = new StrictReader(bytes);
    const content = new ContentReader(reader, 'tokens');
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === tokensTag) inside(reader, () => readBlock(reader, content));
      else reader.skipType(tag & 7);
    }
    return content.content;
  });
}

function readBlock(reader: StrictReader, content: ContentReader): void {
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === tags.tokens) content.tokens();
    else if (tag === tags.tokensLe32) content.words();
    else if (tag === tags.text) content.text();
    else reader.skipType(tag & 7);
  }
}

function refuse(sentence: string): never {
  throw new StowkenError('INVALID_FIELD', `the request ${sentence}`, { field: 'part' });
}
