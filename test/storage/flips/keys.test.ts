import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { dataFileIn } from '../../../src/storage/lmdb/tables/environment.js';
import { tableKeys } from '../../../src/storage/lmdb/tables/table-keys.js';
import type { TestVault } from '../../support/vault.js';
import { temporaryFolder, type TemporaryFolder } from '../faults/support.js';
import { fill, fillIndexes, type Asked } from './fill.js';
import { keysIn, type KeyPlace } from './keys-in-pages.js';
import { restoredVault } from './restored.js';
import { runFlips, type Flip, type FlipPlan } from './run.js';

/** Keys of each kind per table of which one bit is flipped; "all": every bit of every one of them. */
const FLIPS = process.env['KEY_FLIPS'] ?? '2';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());

async function filled(
  make: (t: TestVault) => Promise<Asked>,
): Promise<Omit<FlipPlan, 'kind' | 'work' | 'flips'>> {
  const { whole, asked } = await restoredVault(folder.path, make);
  return { whole, ...asked };
}

/** Returns so many, from the first to the last, evenly. */
function spread<T>(items: readonly T[], count: number): T[] {
  const step = Math.max(1, (items.length - 1) / (count - 1));
  return items.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

function flipsIn(places: readonly KeyPlace[], which: string): Flip[] {
  const file = 'vault.mdb';
  if (which === 'all') {
    return places.flatMap(({ at, bytes }) =>
      Array.from({ length: 8 * bytes }, (_, bit) => ({ file, at: at + (bit >> 3), bit: bit & 7 })),
    );
  }
  const groups = new Map<string, KeyPlace[]>();
  for (const place of places) {
    const name = `${place.table} ${place.what}`;
    groups.set(name, [...(groups.get(name) ?? []), place]);
  }
  return [...groups.values()].flatMap((group) =>
    spread(group, Number(which)).map(({ table, what, at, bytes }, index) => {
      // A byte that distinguishes keys: the lowest of a number, the last one of others.
      const isNumber = what === 'header' || tableKeys[table as keyof typeof tableKeys] === 'u32';
      return { file, at: isNumber ? at : at + bytes - 1, bit: (1 + 2 * index) % 8 };
    }),
  );
}

it.each(['lmdb', 'large lmdb'] as const)(
  'a retried request is never carried out again, whichever bit of its keys is flipped: %s',
  async (kind) => {
    const plan = await filled(fill);
    const places = keysIn(dataFileIn(plan.whole)).filter(
      ({ table, what }) => what === 'leaf' && ['requests', 'requestIds'].includes(table),
    );
    const flips = flipsIn(places, 'all');
    const asked = { ...plan, ids: [], hashes: [], again: [], held: [] };
    const work = join(folder.path, 'work');
    const summary = await runFlips({ kind, work, flips, ...asked }, join(folder.path, 'plan.json'));
    expect(summary).toMatchObject({ flips: 8 * 7, refused: 8 * 7, wrong: [] });
  },
  24 * 3_600_000,
);

it.each(['lmdb', 'large lmdb'] as const)(
  'a bit that is flipped where records are looked for is refused, or changes no answer: %s',
  async (kind) => {
    const plan = await filled(async (t) => fillIndexes(t, await fill(t)));
    const places = keysIn(dataFileIn(plan.whole));
    const tables = new Set(places.map(({ table }) => table));
    // Answers that a record does not exist.
    for (const table of ['ids', 'requests', 'requestIds', 'references', 'hashIndex', 'refCounts', 'garbage'])
      expect(tables).toContain(table);
    for (const table of ['conversations', 'ids', 'requests', 'requestIds', 'references', 'hashIndex'])
      expect(places.some((place) => place.table === table && place.what === 'branch')).toBe(true);
    const flips = flipsIn(places, FLIPS);
    const work = join(folder.path, 'work');
    const summary = await runFlips({ kind, work, flips, ...plan }, join(folder.path, 'plan.json'));
    if (process.env['KEY_FLIPS']) process.stdout.write(`${kind}: ${JSON.stringify(summary)}\n`);
    const placeOf = ({ at }: Flip) => places.find((place) => at >= place.at && at < place.at + place.bytes);
    expect(
      summary.wrong.map(({ flip, questions }) => ({ ...flip, place: placeOf(flip), questions })),
    ).toEqual([]);
    expect(summary.flips).toBe(flips.length);
    expect(summary.refused).toBeGreaterThan(0);
    expect(Object.keys(summary.reasons).filter((reason) => reason.startsWith('UNTYPED'))).toEqual([]);
  },
  24 * 3_600_000,
);
