import type { MessageRecord, SegmentHash } from '../../../model/index.js';
import type { Change, FoundIds } from '../../change.js';
import type { KnownSegment } from './segment-cache.js';

/** Messages of a change from which on what they name is looked up before its transaction, so many at a time. */
const AHEAD_MIN = 1024;

type Find = (hashes: readonly SegmentHash[]) => Promise<readonly (KnownSegment | undefined)[]>;

export function isLong({ put, append }: Change): boolean {
  return (put?.messages.length ?? 0) + (append?.messages.length ?? 0) >= AHEAD_MIN;
}

/** A change with what its messages name, so that its transaction need not look it up; where it says so already, as it is. */
export async function withFound(change: Change, find: Find): Promise<Change> {
  const { put, append } = change;
  return {
    ...change,
    ...(put && { put: { ...put, found: put.found ?? (await idsNamed(put.messages, find)) } }),
    ...(append && { append: { ...append, found: append.found ?? (await idsNamed(append.messages, find)) } }),
  };
}

async function idsNamed(messages: Iterable<MessageRecord>, find: Find): Promise<FoundIds> {
  let ids = new Uint32Array(AHEAD_MIN);
  let length = 0;
  for (const some of inSlices(messages)) {
    const found = await find(some.flatMap(({ segments }) => segments.map(({ hash }) => hash)));
    if (length + found.length > ids.length) {
      const longer = new Uint32Array(2 * (length + found.length));
      longer.set(ids);
      ids = longer;
    }
    for (const known of found) ids[length++] = known?.id ?? 0;
    await new Promise(setImmediate);
  }
  return ids.subarray(0, length);
}

/** A few messages at a time, of which none is kept. */
function* inSlices(messages: Iterable<MessageRecord>): Generator<MessageRecord[], void, void> {
  let some: MessageRecord[] = [];
  for (const message of messages) {
    some.push(message);
    if (some.length < AHEAD_MIN) continue;
    yield some;
    some = [];
  }
  yield some;
}
