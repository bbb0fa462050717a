import type { SegmentColumns } from './check-columns.js';
import type { Report } from './check-report.js';
import type { NameOf } from '../conversations/manifest.js';
import { decodeMessages } from '../conversations/message-list.js';

/** Reads a part of a message list, compares its segments with the frames, and counts its references. */
export function checkList(
  subject: string,
  list: Uint8Array,
  nameOf: NameOf,
  segments: SegmentColumns,
  report: Report,
): { readonly messages: number; readonly tokens: number } {
  const named = new Set<number>();
  let messages = 0;
  let tokens = 0;
  for (const message of decodeMessages(list, nameOf)) {
    messages += 1;
    for (const { id, tokenCount } of message.segments) {
      named.add(id);
      tokens += tokenCount;
      const stored = segments.has(id) ? segments.tokenCount(id) : undefined;
      if (stored === undefined)
        report('manifest-segments', subject, `names segment ${id}, which is not stored`);
      else if (stored !== tokenCount) {
        report('manifest-segments', subject, `segment ${id} has ${stored} tokens, not ${tokenCount}`);
      }
    }
  }
  for (const id of named) segments.addReference(id);
  return { messages, tokens };
}
