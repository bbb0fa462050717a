import { setTimeout } from 'node:timers/promises';
import type { SegmentKey } from '../../../src/storage/index.js';
import { SEGMENTS } from '../content.js';
import type { Fact } from '../facts.js';
import type { Random } from '../random.js';
import type { Load } from './load.js';

const gone = (key: SegmentKey): Fact => [`gone/${key}`, 1];

/** Collects garbage of any age, some at a time. */
export async function collectGarbage({ backend, journal }: Load): Promise<never> {
  for (;;) {
    const { segments } = await backend.listGarbage({ limit: 40, garbageBeforeMs: Date.now() });
    const keys = segments.map(({ key }) => key);
    const { collect } = await backend.commit({ collect: { keys, garbageBeforeMs: Date.now() } });
    if (collect!.segments === keys.length) journal.done(keys.map(gone));
    await setTimeout(2);
  }
}

/** Deletes single segments, which works for those that are garbage. */
export async function deleteSegments(load: Load, _client: number, random: Random): Promise<never> {
  const { backend, journal, contents } = load;
  for (;;) {
    const hashes = Array.from({ length: 8 }, () => contents.hash(random.below(SEGMENTS)));
    const stored = await backend.findSegments(hashes);
    const { deleteSegments } = await backend.commit({ deleteSegments: hashes });
    const deleted = stored.filter((_, at) => deleteSegments![at]?.deleted);
    journal.done(deleted.flatMap((segment) => (segment ? [gone(segment.key)] : [])));
    await setTimeout(1);
  }
}
