import { type AttachmentEntry, fieldsTokenizer } from '../../model/index.js';
import type { StoredMessage } from '../../storage/index.js';
import type { Tokenizers } from '../../text/index.js';
import type { MessageDescription } from '../content.js';
import { readFieldSegments } from './attachments.js';
import type { SegmentSlice } from './range.js';
import { SegmentTokens, type SegmentTokensParts } from './segment-tokens.js';

/** Fields and attachments of a message. */
export type ReadFields = Pick<MessageDescription, 'attachments' | 'fieldsJson'>;

/** Reads the fields of the messages that begin among slices, by the messages' numbers. */
export type FieldReader = (
  parts: SegmentTokensParts,
  slots: readonly SegmentSlice[],
) => Promise<ReadonlyMap<number, ReadFields>>;

export function fieldReader(
  { tokenizers }: { readonly tokenizers: Tokenizers },
  signal: AbortSignal,
): FieldReader {
  return async (parts, slots) => {
    const withFields = slots.filter(({ first, message }) => first && message.fields !== undefined);
    const fields = new Map<number, ReadFields>();
    if (withFields.length === 0) return fields;
    const found = await readFieldSegments(
      parts,
      withFields.map(({ message }) => message),
    );
    const segments = found.flatMap(({ json }) => json);
    const tokens = await SegmentTokens.read(parts, segments, 'le32');
    for (const [index, { json, attachments }] of found.entries()) {
      const le32 = Buffer.concat(json.map(() => tokens.next()));
      const text = le32.length === 0 ? undefined : await textOf(tokenizers, le32, signal);
      fields.set(withFields[index]!.messageIndex, {
        ...(text !== undefined && { fieldsJson: text }),
        ...(attachments.length > 0 && { attachments: attachments.map(infoOf) }),
      });
    }
    return fields;
  };
}

function infoOf({ sha256, sizeBytes }: AttachmentEntry): { sha256: string; sizeBytes: number } {
  return { sha256, sizeBytes };
}

export type FieldSegment = NonNullable<StoredMessage['fields']>[number];

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
