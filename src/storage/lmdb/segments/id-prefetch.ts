import type { MessageRecord, SegmentHash } from '../../../model/index.js';
import type { Change, ResolvedIds } from '../../contract/change.js';
import type { KnownSegment } from './segment-caches.js';

/**
 * Limit of a change's messages from which their segments are looked up before its transaction, and messages
 * per lookup.
 */
const AHEAD_MIN = 1024;

type Naming = Pick<NonNullable<Change['put']>, 'messages' | 'found'>;
type Find = (hashes: readonly SegmentHash[]) => Promise<readonly (KnownSegment | undefined)[]>;

export function isLong({ put, append }: Change): boolean {
  return (put?.messages.length ?? 0) + (append?.messages.length ?? 0) >= AHEAD_MIN;
}

/**
 * Returns a change with the ids of its messages' segments, so that its transaction need not look them up;
 * unchanged if it has them. New segments of the change are left to the transaction, which has them at hand.
 */
export async function withResolvedIds(change: Change, find: Find): Promise<Change> {
  const { put, append } = change;
  if (put === undefined && append === undefined) return change;
  const incoming = new Set((change.newSegments ?? []).map(({ hash }) => hash));
  const foundFor = async ({ messages, found }: Naming) => found ?? (await idsNamed(messages, incoming, find));
  return {
    ...change,
    ...(put && { put: { ...put, found: await foundFor(put) } }),
    ...(append && { append: { ...append, found: await foundFor(append) } }),
  };
}

async function idsNamed(
  messages: Iterable<MessageRecord>,
  incoming: ReadonlySet<SegmentHash>,
  find: Find,
): Promise<ResolvedIds> {
  let ids = new Uint32Array(AHEAD_MIN);
  let length = 0;
  for (const some of inSlices(messages)) {
    if (length > 0) await new Promise(setImmediate);
    const hashes = some.flatMap(({ segments }) => segments.map(({ hash }) => hash));
    const found = (await find(hashes.filter((hash) => !incoming.has(hash)))).values();
    if (length + hashes.length > ids.length) {
      const longer = new Uint32Array(2 * (length + hashes.length));
      longer.set(ids);
      ids = longer;
    }
    for (const hash of hashes) ids[length++] = incoming.has(hash) ? 0 : (found.next().value?.id ?? 0);
  }
  return ids.slice(0, length);
}

/** Yields a few messages at a time; none of them is kept. */
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
