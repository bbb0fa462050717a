import type { TokenCore } from '../../core/index.js';
import { fieldsTokenizer, type TokenRun } from '../../model/index.js';
import type { Tokenizers } from '../../text/index.js';
import { encodeTexts, readContent } from './contents.js';
import { cutJson } from './cut-json.js';

interface Parts {
  readonly core: TokenCore;
  readonly tokenizers: Tokenizers;
}

/**
 * Encodes the fields of each message, in pieces of which each becomes a segment: values that messages share
 * are stored once. Empty if no message has fields.
 */
export async function readFields(
  { core, tokenizers }: Parts,
  messages: readonly { readonly fields?: Uint8Array }[],
  signal: AbortSignal,
): Promise<TokenRun[][]> {
  if (messages.every(({ fields }) => fields === undefined)) return [];
  const pieces = messages.map(({ fields }) => (fields === undefined ? [] : cutJson(fields)));
  const texts = pieces.flatMap((some, index) =>
    some.map((utf8) => ({ utf8, at: `messages[${index}].fields_json` })),
  );
  const { le32, release } = await encodeTexts(tokenizers, fieldsTokenizer, texts, signal);
  try {
    const runs = le32.map((bytes) => readContent(core, { kind: 'le32', bytes }, 'fields_json'));
    let at = 0;
    return pieces.map(({ length }) => runs.slice(at, (at += length)));
  } finally {
    release();
  }
}
