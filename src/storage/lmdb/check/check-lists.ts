import { readHeader } from '../conversations/conversations.js';
import type { StringOf } from '../conversations/manifest.js';
import { type Dimension, GROUP_RANGE, groupOf, readDimensions } from '../lists/dimensions.js';
import { decodePostings } from '../lists/posting-chunk.js';
import { postingKey } from '../lists/posting-index.js';
import { decodeBoundedChunk } from '../tables/bounded-chunk.js';
import type { Tables } from '../tables/environment.js';
import { undefinedIfCorrupt } from '../tables/lmdb-errors.js';
import { guarded, type Report } from './check-report.js';

const INVARIANT = 'list-index';

/** Number and sum of entries: equal for two sets only if they are the same set, but for a rare accident. */
interface Sum {
  entries: number;
  mix: number;
}

/** Checks the list index: its chunks, and that it has of each dimension what the conversations have. */
export function* checkLists(tables: Tables, nameOf: StringOf, report: Report): Generator<number, void, void> {
  let dimensions: readonly Dimension[] = [];
  guarded(report, INVARIANT, 'dimensions', () => (dimensions = readDimensions(tables.meta)));
  const kept = dimensions.filter(({ dropped }) => !dropped);
  const wanted = new Map(kept.map(({ id }) => [id, { entries: 0, mix: 0 }]));
  const found = new Map(kept.map(({ id }) => [id, { entries: 0, mix: 0 }]));
  const last = Math.max(0, ...kept.map(({ to }) => to));
  for (const { key, value } of last === 0 ? [] : tables.conversations.scan({ end: last + 1 })) {
    const header = value && undefinedIfCorrupt(() => readHeader(value, nameOf));
    // An unreadable one was in the index when it could be read: no sum can be compared.
    if (!header) return;
    for (const dimension of kept) {
      const group = key <= dimension.to ? groupOf(dimension, key, header.conversation) : undefined;
      if (group !== undefined) add(wanted, group, key);
    }
    yield 0;
  }
  yield* chunks(tables, report, (group, number) => add(found, group, number));
  for (const { id, key } of kept) {
    const [inIndex, inRecords] = [found.get(id)!, wanted.get(id)!];
    if (inIndex.entries === inRecords.entries && inIndex.mix === inRecords.mix) continue;
    const detail = `has ${inIndex.entries} entries, not the ${inRecords.entries} of the conversations`;
    report(INVARIANT, `dimension ${id}${key === '' ? '' : ` (${key})`}`, detail);
  }
}

/** Passes every entry on, and checks that the chunks follow each other. */
function* chunks(
  { postings }: Tables,
  report: Report,
  onEntry: (group: number, number: number) => void,
): Generator<number, void, void> {
  let next: Buffer | undefined = Buffer.of(1);
  let count = 0;
  for (const { key, value, damage } of postings.scan()) {
    count += 1;
    if (damage) return report(INVARIANT, 'entries', damage.message);
    if (!next?.equals(key)) report(INVARIANT, 'entries', 'lie in chunks that do not follow each other');
    guarded(report, INVARIANT, 'entries', () => {
      const { end, entries } = decodeBoundedChunk(key, value);
      const { groups, numbers } = decodePostings(entries);
      next = end;
      for (const [at, group] of groups.entries()) {
        const entry = postingKey(group, numbers[at]!);
        if (entry.compare(key) < 0 || (end && end.compare(entry) <= 0))
          report(INVARIANT, 'entries', 'are not in the chunk that searches look in');
        onEntry(group, numbers[at]!);
      }
    });
    yield 0;
  }
  if (count > 0 && next) report(INVARIANT, 'entries', 'lie in chunks of which the last is missing');
}

function add(sums: ReadonlyMap<number, Sum>, group: number, number: number): void {
  const sum = sums.get(Math.floor(group / GROUP_RANGE));
  if (!sum) return;
  sum.entries += 1;
  const low = Math.imul(group % 2 ** 32, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b);
  sum.mix = (sum.mix + Math.imul(low ^ (low >>> 15), 0xc2b2ae35)) | 0;
}
