import type { MessageContent } from '../../vault/index.js';
import { ContentReader } from './content.js';
import { inside } from './inside.js';
import { readRepeated, type RepeatedField } from './repeated.js';
import type { StrictReader } from './strict-reader.js';

/** A FindPrefixRequest taken apart. */
export interface FindPrefixParts {
  /** All fields but `prefix`, as they arrived, for the ordinary decoder. */
  readonly fields: Buffer;
  /** Its tokens are views of the request. */
  readonly content: MessageContent;
}

/** Tags of Prefix. */
const tags = { tokens: (1 << 3) | 2, tokensLe32: (2 << 3) | 2, text: (3 << 3) | 2 } as const;

/** The prefix is there once, or not at all. */
const prefixField: RepeatedField<MessageContent> = {
  request: 'FindPrefixRequest',
  name: 'prefix',
  number: 2,
  itemsMax: 1,
  read: readPrefix,
};

export async function readFindPrefixRequest(bytes: Buffer, signal: AbortSignal): Promise<FindPrefixParts> {
  const { fields, items } = await readRepeated(prefixField, bytes, signal);
  return { fields, content: items[0] ?? { kind: 'none' } };
}

function readPrefix(reader: StrictReader): MessageContent {
  let content: ContentReader | undefined;
  inside(reader, () => {
    content = new ContentReader(reader, prefixField.name);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === tags.tokens) content.tokens();
      else if (tag === tags.tokensLe32) content.words();
      else if (tag === tags.text) content.text();
      else reader.skipType(tag & 7);
    }
  });
  return content!.content;
}
