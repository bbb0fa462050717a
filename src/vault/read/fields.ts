import { fieldsTokenizer } from '../../model/index.js';
import type { Tokenizers } from '../../text/index.js';
import type { SegmentSlice, StoredSlice } from './range.js';
import { SegmentTokens, type SegmentTokensParts } from './segment-tokens.js';

/** Reads the fields of the messages that begin among slices, by the messages' numbers. */
export type FieldReader = (
  parts: SegmentTokensParts,
  slots: readonly SegmentSlice[],
) => Promise<ReadonlyMap<number, string>>;

export function fieldReader(
  { tokenizers }: { readonly tokenizers: Tokenizers },
  signal: AbortSignal,
): FieldReader {
  return async (parts, slots) => {
    const withFields = slots.filter(({ first, message }) => first && message.fields !== undefined);
    const fields = new Map<number, string>();
    if (withFields.length === 0) return fields;
    const stored = withFields.flatMap((slot) =>
      slot.message.fields!.map((segment) => wholeSlice(slot, segment)),
    );
    const tokens = await SegmentTokens.read(parts, stored, 'le32');
    for (const { message, messageIndex } of withFields) {
      const le32 = Buffer.concat(message.fields!.map(() => tokens.next()));
      fields.set(messageIndex, await textOf(tokenizers, le32, signal));
    }
    return fields;
  };
}

function wholeSlice(
  slot: SegmentSlice,
  { key, tokenCount }: SegmentSlice['message']['segments'][number],
): StoredSlice {
  return { ...slot, key, tokenCount, from: 0, to: tokenCount };
}

async function textOf(tokenizers: Tokenizers, le32: Buffer, signal: AbortSignal): Promise<string> {
  let text = '';
  for (let at = 0; at < le32.length;) {
    const items = [{ le32: le32.subarray(at), last: true }];
    const [decoded] = await tokenizers.decode(fieldsTokenizer, items, signal);
    text += decoded!.text;
    at += 4 * decoded!.tokenCount;
  }
  return text;
}
